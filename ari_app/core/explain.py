"""Tells a timeline in plain words: one sentence an entry, the same for a live call and a simulated one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ari_app.core.timeline import Details, Entry, Kind

_OUTCOMES = {
    "busy": "is busy",
    "declined": "declined",
    "unknown": "is an unknown number",
    "unreachable": "cannot be reached",
    "no_answer": "did not answer",
    "failed": "failed",
    "refused": "was refused before dialing",
    "over_cap": "is not rung",
    "not_accepted": "picked up and did not take the call",
    "answered_elsewhere": "is told: answered elsewhere",
    "caller_left": "stops ringing, the caller has gone",
}
_WHY_NEXT = {
    "first_step": "",
    "controller_gone": "the controller is gone",
    "nobody_rung": "nobody could be rung",
    "nobody_answered": "nobody answered",
    "prompt_played": "the greeting was played",
    "prompt_failed": "the greeting could not be played",
    "prompt_overdue": "the greeting did not end in time",
    "prompt_cut_short": "a key was pressed",
    "menu_choice": "the caller chose it",
    "menu_default": "the caller chose nothing",
    **{f"all_{outcome}": f"every destination {words}" for outcome, words in _OUTCOMES.items()},
    "all_no_answer": "nobody answered in time",
    "all_busy": "all were busy",
}
_WHY_DEFAULT = {
    "no_schemes_yet": "the schemes could not be read from the database yet",
    "unknown_number": "{dialled} is not one of our numbers",
    "number_disabled": "{number} ({name}) is switched off",
    "no_scheme": "{number} ({name}) has no scheme in force",
    "no_branch_covers": "no branch covers {local_time}",
    "closed_without_branch": "it is closed, and no branch is marked as out of hours",
}
_WHY_PASSED = {
    "other_hours": "its hours are {hours}",
    "stands_later": "it holds too, but stands later",
    "closed": "it is closed, and this branch is a working one",
    "open": "it is open, and this branch is out of hours",
    "branch": "another branch is named",
}
_WHY_CHOSEN = {
    "caller": "and this branch is the caller's",
    "closed": "and closed",
    "open": "and open",
    "branch": "and this branch is named",
}
_SPECIAL_DAYS = {
    "override": "an override holds until {until}: {goes}",
    "own_day": "{day} is an exceptional day ({name}): {goes}",
    "public_day": "{day} is no ordinary day in {holidays} ({name}): {goes}",
}
_WHY_NO_MANAGER = {
    "none": "{crm} has no open record with the caller's number",
    "no_number": "the caller's number is not known",
    "no_destinations": "{crm} names {who}, for whom no destination is listed",
    "no_crm": "no CRM of that name is configured",
    "slow": "{crm} did not answer in time",
    "limited": "{crm} has been asked too often",
    "failed": "{crm} could not be asked",
    "paused": "{crm} has failed too often, and is left alone for a while",
    "busy": "as many calls ask {crm} as may",
    "not_asked": "{crm} is not asked",
}
_WHY_TURNED_AWAY = {"calls": "as many calls are live as may be", "rate": "more new calls come than may be"}
_WHY_DISCARDED = {
    "too_short": "{seconds} s is under the minimum of {min_seconds} s",
    "silent": "nothing but silence in {seconds} s",
}
_CALLER = {
    "cancelled": "the caller hung up before the call was answered",
    "hung_up": "the caller hung up",
    "line_lost": "the line to the caller was lost",
    "to_fallback": "the dialplan's fallback has the caller now",
    "to_successor": "this controller leaves the call to the one that comes after it",
}
_RECOVERED = {
    "cut": "the connection to Asterisk is back, {seconds} s of it were missed; the call goes on as it is found",
    "restart": "a controller that has just started takes the call up as it is found; the last {seconds} s were missed",
}
_REASONS = {
    "talked": "talked with {answered_by}",
    "message": "a message was left",
    "hung_up_while_ringing": "the caller hung up while it rang",
    "hung_up_in_greeting": "the caller hung up during the greeting",
    "hung_up_in_menu": "the caller hung up in the menu",
    "no_message": "the caller left no message that counts",
    "nobody_answered": "nobody answered",
    "blocked": "this caller is blocked",
    "loop": "it went in a circle",
    "overload": "there was no room for it",
    "ended_by_scheme": "the steps ended without ringing anybody",
    "limit_reached": "the longest call was reached",
    "line_lost": "the line was lost",
    "trouble": "something broke",
}
_MESSAGES = {"apology": "an apology", "missed_call_ticket": "an entry on the client's ticket", "event": "an event"}
_CHANNELS = {"sms": "SMS", "email": "e-mail", "push": "push message", "ticket": "ticket", "webhook": "webhook"}
_WHY_MESSAGE = {
    "lost_ringing": "the caller hung up while it rang",
    "lost_greeting": "the caller hung up in or after the greeting",
    "lost_menu": "the caller hung up in the menu",
    "lost_choice": "the caller hung up after a choice in the menu",
    "lost_prompt": "the caller hung up during the voicemail prompt",
    "lost_no_message": "the caller left no message",
    "lost_unanswered": "nobody answered",
    "lost_out_of_hours": "the call came out of hours",
    "message_left": "the caller left a message",
    "answered": "the call was answered",
    "raised": "another system asked for it",
    "by_hand": "{asked_by} asked for it",
}
_NO_MESSAGE = {
    "answered": "the call was answered",
    "message_left": "the caller left a message",
    "outbound": "it was we who called",
    "blocked": "the caller is blocked",
    "loop": "this call is the echo of another one, which has a verdict of its own",
    "not_loaded": "the rules could not be read from the database yet",
    "no_rule": "no rule has {number}",
    "rule_off": "the rule is switched off",
    "no_sales_tools": "team {team!r} has no sales tools",
    "apologised": "the caller is sent an apology, and nobody gets two SMS for one call",
    "type_off": "it is switched off",
    "replaced": "another message takes its place",
    "unknown_team": "there is no team {team!r}",
    "no_type": "team {team!r} has no such message",
    "no_address": "no address of the client's is known for it",
    "no_contacts": "the team has no contact for it",
    "anonymous": "the caller's number is withheld",
    "asked_by_hand_only": "it is sent when somebody asks for it, and nobody did",
    "no_time": "it goes by the item's time, and none was given",
    "too_late": "its time has passed",
}


def _words(table: dict[str, str], key: object, details: Details) -> str:
    """The table's words for ``key``; a key from a newer release is shown as it is."""
    words = table.get(str(key))
    return str(key) if words is None else words.format_map(_Known(details))


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _leg_ended(details: Details) -> str:
    text = f"{details.get('destination')} {_words(_OUTCOMES, details.get('outcome'), details)}"
    facts = [f"cause {details['cause']}"] if details.get("cause") else []
    facts += [str(details["text"])] if details.get("text") else []
    return f"{text} ({', '.join(facts)})" if facts else text


def _step(details: Details) -> str:
    why = _words(_WHY_NEXT, details.get("why"), details)
    return f"step {details.get('step')}: {details.get('what')}" + (f", since {why}" if why else "")


def _ring_order(details: Details) -> str:
    names = str(details.get("order") or "")
    first, _, others = names.partition(", ")
    then = f"; then {others}" if others else ""
    if not names:
        return "who is rung first is drawn by lot: the calls before are not known without a controller"
    if details.get("talked"):
        return f"{first} talked with this caller last, at {details['talked']}, and is rung first{then}"
    if details.get("strategy") == "least_recent":
        since = f"has been without a call longest, since {details['since']}" if details.get("since") else ""
        return f"{first} {since or 'has had no call yet'}{then}"
    words = {
        "in_turn": f"none of them talked with this caller in the last {details.get('days')} days: {names}",
        "round_robin": f"it is the turn of {first} to be rung first{then}",
        "weighted": f"drawn by weight: {names}",
    }
    return words.get(str(details.get("strategy")), f"drawn by lot: {names}")


def _rule(details: Details) -> str:
    return f"{details.get('rule')}" + (f" ({details['reason']})" if details.get("reason") else "")


def _hears(details: Details) -> str:
    return "are busy" if details.get("cause") == "busy" else "decline"


def _who(details: Details) -> str:
    """A manager as the CRM shows them, with the id."""
    return f"{details['name']} ({details.get('manager')})" if details.get("name") else str(details.get("manager"))


def _manager_found(details: Details) -> str:
    targets = ", ".join(word.split("/")[1] for word in str(details.get("rings", "")).split() if word.count("/") > 1)
    by = f"by an open {details['entity']}" if details.get("entity") else "by its records"
    return f"{details.get('crm')} names {_who(details)}, {by}; to be rung: {targets or 'nobody'}"


def _no_manager(details: Details) -> str:
    told = {**details, "who": _who(details)}
    text = f" ({details['text']})" if details.get("text") else ""
    return f"no manager by {details.get('asked')}: {_words(_WHY_NO_MANAGER, details.get('why'), told)}{text}"


def _special_day(details: Details) -> str:
    reason = f" ({details['reason']})" if details.get("reason") else ""
    return _words(_SPECIAL_DAYS, details.get("why"), details) + reason


def _branch_chosen(details: Details) -> str:
    now = f"branch {details.get('branch')!r} chosen: it is {details.get('local_time')}"
    if details.get("why"):
        return f"{now}, {_words(_WHY_CHOSEN, details['why'], details)}"
    return f"{now}, its hours are {details.get('hours')}"


def _message(details: Details) -> str:
    """Which message it is about, in words: what for, by which rule, over what, to whom."""
    kind, audience = str(details.get("message")), str(details.get("audience"))
    channel = _CHANNELS.get(str(details.get("channel")), str(details.get("channel")))
    rule = f" by rule {details['rule']!r}" if details.get("rule") else ""
    what = _MESSAGES.get(kind, f"message {kind.replace('_', ' ')!r}")
    whom = f" to the {audience}" if audience in ("client", "staff", "admin") else ""
    return f"{what}{rule}" if details.get("channel") in (None, "ticket") else f"{what}{rule} ({channel}{whom})"


def _when(details: Details) -> str:
    when = f"is due at {details['due']}" if details.get("due") else "goes out at once"
    return f"{when}, if the client has an open ticket then" if details.get("needs_ticket") else when


_SENTENCES: dict[Kind, Callable[[Details], str]] = {
    Kind.ARRIVED: lambda d: (
        f"call from {d.get('caller') or 'an anonymous caller'} to {d.get('dialled')}"
        + (f", forwarded by {d['diverted_by']}" if d.get("diverted_by") else "")
    ),
    Kind.FALLBACK_TOOK: lambda d: (
        f"the dialplan serves the call: {'its controller is gone' if d.get('held') else 'no controller took it'}"
    ),
    Kind.FALLBACK_ALONE: lambda _: "FastAGI does not answer: the dialplan greets and records by itself",
    Kind.NUMBER_FOUND: lambda d: (
        f"{d.get('number')} ({d.get('name')}) goes by scheme {d.get('scheme')!r}, version {d.get('version')}"
    ),
    Kind.DEFAULT_USED: lambda d: f"the default is used: {_words(_WHY_DEFAULT, d.get('why'), d)}",
    Kind.CALLER_BLOCKED: lambda d: f"the caller is blocked by the rule for {_rule(d)}, and hears that we {_hears(d)}",
    Kind.CALLER_KNOWN: lambda d: f"the caller goes by the rule for {_rule(d)}: scheme {d.get('scheme')!r}",
    Kind.LOOP_STOPPED: lambda _: "this caller's calls to this number go in a circle: a destination forwards them back",
    Kind.TURNED_AWAY: lambda d: f"the call is turned away: {_words(_WHY_TURNED_AWAY, d.get('why'), d)}",
    Kind.BRANCH_PASSED_OVER: lambda d: (
        f"branch {d.get('branch')!r} passed over: {_words(_WHY_PASSED, d.get('why'), d)}"
    ),
    Kind.BRANCH_CHOSEN: _branch_chosen,
    Kind.SPECIAL_DAY: _special_day,
    Kind.STEP_BEGAN: _step,
    Kind.RING_ORDER: _ring_order,
    Kind.MANAGER_FOUND: _manager_found,
    Kind.NO_MANAGER: _no_manager,
    Kind.LEG_DIALED: lambda d: (
        f"ringing {d.get('destination')}, for {d.get('timeout')} s at most"
        + (f", shown {d['shows']}" if d.get("shows") else "")
    ),
    Kind.LEG_RANG: lambda d: f"{d.get('destination')} rings",
    Kind.LEG_ANSWERED: lambda d: f"{d.get('destination')} picked up",
    Kind.ACCEPT_ASKED: lambda d: (
        f"{d.get('destination')} is told who is calling, and has {d.get('seconds')} s to press 1"
    ),
    Kind.ACCEPTED: lambda d: f"{d.get('destination')} pressed 1",
    Kind.LEG_ENDED: _leg_ended,
    Kind.CONNECTED: lambda d: f"the caller talks with {d.get('destination')}",
    Kind.TALK_ENDED: lambda d: f"the talk is over, ended by the {d.get('by')}",
    Kind.ANSWERED_BY_SYSTEM: lambda _: "the call is answered for the prompt",
    Kind.PROMPT_BEGAN: lambda d: f"greeting {d.get('greeting')!r} plays",
    Kind.PROMPT_ENDED: lambda d: f"greeting {d.get('greeting')!r}: {str(d.get('end')).replace('_', ' ')}",
    Kind.KEY_PRESSED: lambda d: f"the caller presses {d.get('key')}: {d.get('leads') or 'that is no choice'}",
    Kind.NO_KEY: lambda d: f"no key is pressed in {d.get('seconds')} s",
    Kind.RECORDING_BEGAN: lambda d: f"recording, {d.get('max_seconds')} s at most",
    Kind.RECORDING_ENDED: lambda _: "recording is over",
    Kind.RECORDING_OWED: lambda _: (
        "the recording waits in Asterisk's spool and is tried again; the messages of this call wait for it a while"
    ),
    Kind.RECORDING_CAME: lambda d: f"the recording could be taken, {d.get('late')} s after the call's end",
    Kind.MESSAGE_LEFT: lambda d: f"a message of {d.get('seconds')} s is kept",
    Kind.MESSAGE_DISCARDED: lambda d: f"no message: {_words(_WHY_DISCARDED, d.get('why'), d)}",
    Kind.STEPS_ENDED: lambda d: f"no step is left, since {_words(_WHY_NEXT, d.get('why'), d) or 'there is none'}",
    Kind.CALLER_LEFT: lambda d: _words(_CALLER, d.get("how"), d),
    Kind.LIMIT_REACHED: lambda d: f"the longest call, {d.get('seconds')} s, is reached",
    Kind.TROUBLE: lambda d: f"trouble with the {d.get('what')}: {d.get('why')}",
    Kind.RECOVERED: lambda d: _words(_RECOVERED, d.get("after"), d),
    Kind.HANDED_ON: lambda d: _words(_CALLER, d.get("how"), d),
    Kind.HUNG_UP: lambda d: f"we hang up ({d.get('cause')})",
    Kind.VERDICT: lambda d: f"{str(d.get('disposition')).replace('_', ' ')}: {_words(_REASONS, d.get('reason'), d)}",
    Kind.MESSAGE_QUEUED: lambda d: f"{_message(d)} {_when(d)}: {_words(_WHY_MESSAGE, d.get('why'), d)}",
    Kind.NO_MESSAGE: lambda d: f"no {_message(d).removeprefix('an ')}: {_words(_NO_MESSAGE, d.get('why'), d)}",
    Kind.MESSAGE_WITHHELD: lambda d: f"{_message(d)} is not sent: {d.get('why')}",
    Kind.MESSAGE_SENT: lambda d: f"{_message(d)} is sent" + (f" through {d['gateway']}" if d.get("gateway") else ""),
    Kind.MESSAGE_FAILED: lambda d: f"{_message(d)} could not be sent: {d.get('why')}",
    Kind.MESSAGE_UNCLEAR: lambda d: f"whether {_message(d)} was sent is not known: {d.get('why')}",
}


def sentence(entry: Entry) -> str:
    """One entry of a timeline as a sentence in English."""
    return _SENTENCES[entry.kind](entry.details)


def story(entries: Iterable[Entry]) -> Iterator[tuple[float, str]]:
    """Each entry as (seconds since the arrival, sentence)."""
    return ((entry.at_ms / 1000, sentence(entry)) for entry in entries)
