"""The journal's tables: calls, their legs, events and messages; written by the controller, read by everybody."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.core.verdict import Disposition
from ari_app.storage.columns import Details, PlainText, UtcTime
from ari_app.storage.schema import flag, metadata


def _call() -> sa.Column[str]:
    key = sa.ForeignKey("calls.id", name="call_is_in_the_journal", ondelete="CASCADE")
    return sa.Column("call_id", PlainText, key, nullable=False, comment="its call")


def _ms(name: str, comment: str, *, nullable: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable, comment=f"{comment}, in ms after the call arrived")


calls = sa.Table(
    "calls",
    metadata,
    sa.Column("id", PlainText, primary_key=True, comment="the controller's id of the call"),
    sa.Column("arrived_at", UtcTime, nullable=False, comment="when (UTC)"),
    sa.Column("caller", sa.Text, comment="who called, E.164; empty when it was no number"),
    sa.Column("caller_raw", sa.Text, nullable=False, comment="what the signalling said of the caller"),
    sa.Column("dialled", sa.Text, comment="the number called, E.164; empty when it was no number"),
    sa.Column("dialled_raw", sa.Text, nullable=False, comment="what the signalling said was dialled"),
    sa.Column("channel", sa.Text, nullable=False, server_default="", comment="Asterisk's id of the caller's channel"),
    sa.Column(
        "application",
        sa.Text,
        nullable=False,
        server_default="",
        comment="the controller that has the call: its application's name at Asterisk",
    ),
    sa.Column(
        "direction",
        sa.Text,
        nullable=False,
        server_default="inbound",
        comment="inbound, or outbound: a call of the company's to dialled, told by its own telephone system",
    ),
    sa.Column("number", sa.Text, comment="the listed number it was matched to; empty: none"),
    sa.Column("scheme", sa.Text, comment="name of the scheme it went by; empty: the configured default"),
    sa.Column("scheme_version", sa.Text, comment="version of that scheme"),
    sa.Column("branch", sa.Text, comment="name of the branch that held"),
    sa.Column("disposition", sa.Text, comment="answered, message_left or lost; empty while the call lasts"),
    sa.Column("reason", sa.Text, comment="why the disposition is what it is"),
    sa.Column("answered_by", sa.Text, comment="the destination that talked with the caller"),
    _ms("answered_ms", "when a destination answered"),
    _ms("ended_ms", "when it ended"),
    sa.Column("ended_at", UtcTime, comment="when it ended (UTC)"),
    sa.CheckConstraint(
        f"disposition IN ({', '.join(repr(known.value) for known in Disposition)})", name="disposition_is_known"
    ),
    sa.CheckConstraint("direction IN ('inbound', 'outbound')", name="direction_is_inbound_or_outbound"),
    sa.CheckConstraint("(disposition IS NULL) = (ended_at IS NULL)", name="ended_calls_have_a_disposition"),
    sa.Index("calls_by_arrival", "arrived_at", "disposition"),
    sa.Index("calls_by_dialled", "dialled", "arrived_at"),
    sa.Index("calls_by_caller", "caller", "arrived_at"),
    sa.Index("calls_by_channel", "channel"),
    sa.Index("calls_by_disposition", "disposition", "arrived_at"),
    comment="every call: written when it arrives, completed when it ends",
    sqlite_strict=True,
)

legs = sa.Table(
    "legs",
    metadata,
    sa.Column("id", PlainText, primary_key=True, comment="the controller's id of the leg"),
    _call(),
    sa.Column("step", sa.Integer, nullable=False, comment="which step of the branch rang it, from 1"),
    sa.Column("destination", sa.Text, nullable=False, comment="who was rung"),
    _ms("dialed_ms", "when it was dialed", nullable=False),
    _ms("rang_ms", "when it rang"),
    _ms("answered_ms", "when it answered"),
    _ms("ended_ms", "when it ended", nullable=False),
    sa.Column("outcome", sa.Text, nullable=False, comment="how it came out: answered, busy, no_answer ..."),
    sa.Column("cause", sa.Integer, nullable=False, comment="Q.850 hangup cause; 0: none was given"),
    sa.Column("cause_text", sa.Text, nullable=False, server_default="", comment="the cause in words"),
    sa.Index("legs_of_a_call", "call_id", "dialed_ms"),
    comment="every destination that was rung for a call",
    sqlite_strict=True,
)

call_events = sa.Table(
    "call_events",
    metadata,
    sa.Column(
        "call_id",
        PlainText,
        sa.ForeignKey("calls.id", name="call_is_in_the_journal", ondelete="CASCADE"),
        primary_key=True,
        comment="its call",
    ),
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="order in the call",
    ),
    _ms("at_ms", "when", nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="what happened: branch_chosen, leg_dialed, verdict ..."),
    sa.Column("details", Details, nullable=False, comment="the particulars, an object of JSON"),
    comment="the timeline of every call, entry by entry",
    sqlite_strict=True,
)

voicemail_messages = sa.Table(
    "voicemail_messages",
    metadata,
    sa.Column("name", PlainText, primary_key=True, comment="name of its wav in the recordings folder"),
    _call(),
    sa.Column("length_ms", sa.Integer, nullable=False, comment="length of the audio in ms"),
    sa.Column("written_at", UtcTime, nullable=False, server_default=sa.func.current_timestamp(), comment="when (UTC)"),
    sa.CheckConstraint("length_ms >= 0", name="message_has_a_length"),
    sa.Index("messages_of_a_call", "call_id"),
    comment="messages that callers left",
    sqlite_strict=True,
)

owed_recordings = sa.Table(
    "owed_recordings",
    metadata,
    sa.Column("name", PlainText, primary_key=True, comment="name of the recording in Asterisk's spool"),
    _call(),
    sa.Column("application", PlainText, nullable=False, comment="the controller whose Asterisk has it"),
    sa.Column("min_seconds", sa.Integer, nullable=False, comment="a shorter one is no message"),
    sa.Column("why", sa.Text, nullable=False, comment="why it could not be taken when the call ended"),
    *flag("decided", False, "messages of the call were decided without it, because it took too long"),
    sa.Index("owed_recordings_of_a_call", "call_id"),
    sa.Index("owed_recordings_by_application", "application"),
    comment="recordings that wait in Asterisk's spool: taken later, and then entered with their calls",
    sqlite_strict=True,
)
