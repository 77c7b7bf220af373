"""Every metric that there is: its name, kind, labels and meaning, by the process that has it.

Names are as Prometheus wants them (https://prometheus.io/docs/practices/naming/): base units, ``_total`` for what only
grows. A label's values are a short list known beforehand (or the deployment's own gateways): never a number, never text
that somebody else chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Prometheus' kinds."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is scraped; ``buckets`` are a histogram's upper bounds, in seconds."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_RINGING = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
_SET_UP = (0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0)
_CRM = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
_GATEWAY = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, meaning, labels)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, meaning, labels, buckets)


BUILD = _gauge("ari_app_build_info", "1; the version that runs, and which process", "version", "process")
LOOP_LAG = _histogram("ari_app_event_loop_lag_seconds", "how late the event loop comes to what is due", _LATENCY)
LOOP_TASKS = _gauge("ari_app_event_loop_tasks", "tasks that the event loop has in hand")

BOOK_LOADED = _gauge("ari_app_book_loaded_timestamp_seconds", "when the schemes were last read; 0: not since the start")
BOOK_NUMBERS = _gauge("ari_app_book_numbers", "numbers in force")
BOOK_PROBLEMS = _gauge(
    "ari_app_book_problems", "what is wrong with schemes; an `error` keeps one from coming into force", "severity"
)
BOOK_READABLE = _gauge("ari_app_book_readable", "1 if the database could be read when it was last looked at")

ARRIVED = _counter("ari_app_calls_arrived_total", "calls taken in hand")
CALLS = _counter("ari_app_calls_total", "calls that ended, by their verdict", "disposition", "reason")
TURNED_AWAY = _counter(
    "ari_app_calls_turned_away_total",
    "calls that there was no room for: too many live `calls`, or new ones beyond the `rate`",
    "why",
)
LIVE = _gauge("ari_app_calls_live", "calls in hand now")
LEGS = _counter(
    "ari_app_legs_total", "legs that ended, by outcome and Q.850 cause (0: none was given)", "outcome", "cause"
)
FIRST_RING = _histogram("ari_app_call_first_ring_seconds", "from a call's arrival until a first phone rings", _RINGING)
CONNECTED = _histogram("ari_app_call_connected_seconds", "from a call's arrival until the two talk", _SET_UP)
VOICEMAIL = _counter("ari_app_voicemail_messages_total", "voicemail messages left")
TROUBLES = _counter("ari_app_call_troubles_total", "troubles in calls: with the program, the line, a recording", "what")
DECISIONS = _counter(
    "ari_app_message_decisions_total", "messages that calls brought: `queued`, `withheld`; or `none`", "decision"
)

ENTERED = _counter(
    "ari_app_fallback_calls_total",
    "calls that the dialplan served alone, entered afterwards, by verdict",
    "disposition",
)

ARI_CONNECTED = _gauge("ari_app_ari_connected", "1 while events of Asterisk flow")
ARI_REPLACED = _gauge("ari_app_ari_replaced", "1 once another controller took our application's name")
ARI_CONNECTIONS = _counter("ari_app_ari_connections_total", "connections made; all after the first are reconnects")
ARI_ATTEMPTS_FAILED = _counter("ari_app_ari_connection_failures_total", "attempts to connect that failed")
ARI_REQUEST = _histogram(
    "ari_app_ari_request_seconds", "until Asterisk's answer, by ARI's noun and the way it went", _LATENCY, "noun", "way"
)
ARI_FAILURES = _counter(
    "ari_app_ari_request_failures_total",
    "requests that failed, by how: `NotFound` may be a caller who left",
    "noun",
    "kind",
)

JOURNAL_WAITING = _gauge("ari_app_journal_waiting_entries", "entries of the journal not yet in the database")
JOURNAL_SPOOLED = _gauge("ari_app_journal_spooled_entries", "those of them that are kept on disk")
SPOOL_BYTES = _gauge("ari_app_journal_spool_bytes", "the size of what is kept on disk, by processes before this too")
JOURNAL_LOST = _counter(
    "ari_app_journal_lost_entries_total", "entries that found no room, or that the database refused"
)
JOURNAL_WRITABLE = _gauge("ari_app_journal_writable", "1 while the database takes what is written")
RECORDINGS_OWED = _gauge("ari_app_recordings_owed", "recordings that wait in Asterisk's spool to be taken")
RECORDINGS_WRITABLE = _gauge("ari_app_recordings_writable", "1 while recordings can be kept in the messages folder")
RECORDING_FAILURES = _counter(
    "ari_app_recording_failures_total",
    "recordings not taken in, not made mp3, not removed, or empty",
    "stage",
)

LOOKUPS = _counter("ari_app_agi_lookups_total", "answers to a dialplan that no controller serves", "action")
LOOKUPS_REFUSED = _counter("ari_app_agi_lookups_refused_total", "requests that could not be answered")
LOOKUP = _histogram("ari_app_agi_lookup_seconds", "the time an answer takes, transport left out", _LATENCY)
RESCUED = _counter("ari_app_rescued_total", "what was done for callers of a controller that is dead", "what")

OUTBOX = _gauge("ari_app_outbox_messages", "messages in the outbox by state, all of the history", "state")
OLDEST_DUE = _gauge("ari_app_outbox_oldest_due_seconds", "for how long the longest waiting message has been due")
OLDEST_UNKNOWN = _gauge("ari_app_outbox_oldest_unknown_seconds", "the age of the oldest message of unknown fate")
OUT_OF_BUDGET = _gauge("ari_app_outbox_out_of_budget_messages", "messages that wait because the budget is used up")
OUTBOX_READABLE = _gauge("ari_app_outbox_readable", "1 if the outbox could be read for this scrape")
SENT_TODAY = _gauge("ari_app_sms_sent_today", "SMS sent to clients this day")
DAY_CAP = _gauge("ari_app_sms_day_cap", "and how many there may be")
SPENT = _gauge("ari_app_sms_month_spent", "money spent on SMS this month, in the currency of the settings")
BUDGET = _gauge("ari_app_sms_month_budget", "and how much there may be; 0: no limit")
SENDINGS = _counter(
    "ari_app_gateway_attempts_total", "sendings through a gateway, by what came of them", "gateway", "outcome"
)
GATEWAY = _histogram("ari_app_gateway_seconds", "the time a gateway takes for a sending", _GATEWAY, "gateway")

CRM_LOOKUPS = _counter(
    "ari_app_crm_lookups_total",
    "questions who is responsible for a caller: `named`, `none`, `remembered`, or why the CRM was no help",
    *("crm", "result"),
)
CRM_LOOKUP = _histogram("ari_app_crm_lookup_seconds", "until a CRM answered, or was waited for no more", _CRM, "crm")
CRM_PAUSED = _gauge("ari_app_crm_paused", "1 while the CRM is left alone, for it failed too often", "crm")

_BOOK = (BOOK_LOADED, BOOK_NUMBERS, BOOK_PROBLEMS, BOOK_READABLE)
_CALLS = (
    *(ARRIVED, CALLS, TURNED_AWAY, LIVE, LEGS, FIRST_RING, CONNECTED),
    *(VOICEMAIL, TROUBLES, DECISIONS, ENTERED),
)
_ARI = (ARI_CONNECTED, ARI_REPLACED, ARI_CONNECTIONS, ARI_ATTEMPTS_FAILED, ARI_REQUEST, ARI_FAILURES)
_JOURNAL = (JOURNAL_WAITING, JOURNAL_SPOOLED, SPOOL_BYTES, JOURNAL_LOST, JOURNAL_WRITABLE)
_RECORDINGS = (RECORDINGS_OWED, RECORDINGS_WRITABLE, RECORDING_FAILURES)
_CRMS = (CRM_LOOKUPS, CRM_LOOKUP, CRM_PAUSED)

METRICS: Mapping[str, tuple[Metric, ...]] = {
    "serve": (BUILD, LOOP_LAG, LOOP_TASKS, *_BOOK, *_CALLS, *_ARI, *_JOURNAL, *_RECORDINGS, *_CRMS),
    "agi": (BUILD, LOOP_LAG, LOOP_TASKS, *_BOOK, LOOKUPS, LOOKUPS_REFUSED, LOOKUP, RESCUED),
    "sender": (
        *(BUILD, OUTBOX, OLDEST_DUE, OLDEST_UNKNOWN, OUT_OF_BUDGET, OUTBOX_READABLE),
        *(SENT_TODAY, DAY_CAP, SPENT, BUDGET, SENDINGS, GATEWAY),
    ),
}
"""By process, each with Prometheus' own of a process beside them (``process_resident_memory_bytes`` and so on)."""
