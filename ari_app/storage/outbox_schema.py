"""The outbox's tables: messages with their history, what paces them, texts from clients, tickets."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.core.delivery import State
from ari_app.core.messages import Audience, Channel, MessageKind
from ari_app.storage.columns import PlainText, UtcTime
from ari_app.storage.message_schema import one_of
from ari_app.storage.schema import check, flag, its_id, metadata, parent

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _big_id() -> sa.Column[int]:
    return sa.Column("id", BigId, sa.Identity(), primary_key=True, comment="given by the database")


def _call(name: str) -> sa.Column[str]:
    key = sa.ForeignKey("calls.id", name=name, ondelete="SET NULL")
    return sa.Column("call_id", PlainText, key, comment="the call that brought it")


def _text(name: str, comment: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", comment=comment)


messages = sa.Table(
    "messages",
    metadata,
    _big_id(),
    sa.Column("key", PlainText, nullable=False, comment="what it is about; the same cause is taken in once"),
    sa.Column("ref", PlainText, nullable=False, comment="our id at the gateway, 32 hexadecimal digits"),
    sa.Column("created_at", UtcTime, nullable=False, comment="when it was taken in (UTC)"),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="why it is sent: apology, missed, voicemail_notice, by_hand ..."
    ),
    sa.Column("channel", sa.Text, nullable=False, comment="sms, email, push, ticket or webhook"),
    sa.Column("audience", sa.Text, nullable=False, comment="client, staff, admin or system"),
    sa.Column("recipient", PlainText, nullable=False, comment="number, address or name it goes to"),
    sa.Column("client", PlainText, comment="E.164 number of the client it concerns"),
    _text("subject", "subject of an e-mail, title of a push message"),
    sa.Column("text", sa.Text, nullable=False, comment="what is sent"),
    sa.Column("parts", sa.Integer, nullable=False, server_default="1", comment="SMS parts it takes"),
    # No foreign key: a rule removed while its call lasts must not cost that call its transaction.
    sa.Column("rule_id", sa.Integer, comment="the rule that asked for it, if it is still there"),
    sa.Column("rule", sa.Text, comment="the rule's name when it asked"),
    sa.Column("team", sa.Text, comment="name of the team it is from"),
    _call("call_of_a_message_is_in_the_journal"),
    sa.Column("item", PlainText, comment="the other system's id of the item it is about"),
    sa.Column("attachment", sa.Text, comment="name of a voicemail message to send along"),
    sa.Column(
        "once_in_hours", sa.Integer, nullable=False, server_default="0", comment="one in so many hours; 0: no limit"
    ),
    *flag("withdraw_if_reached", False, "not sent if client and company have talked since"),
    *flag("needs_ticket", False, "sent only if the client has an open ticket"),
    *flag("forced", False, "sent by SMS even where the type is off"),
    *flag("bulk", False, "advertising to many"),
    _text("asked_by", "user who asked for it; empty: nobody, it came of itself"),
    sa.Column("due_at", UtcTime, nullable=False, comment="not sent before (UTC)"),
    sa.Column("expires_at", UtcTime, nullable=False, comment="not sent after (UTC)"),
    sa.Column(
        "state", sa.Text, nullable=False, server_default="queued", comment="queued, sending, sent, delivered ..."
    ),
    _text("reason", "why it is in that state"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0", comment="how often it was tried"),
    sa.Column("lease", sa.Text, comment="which sender has it in hand"),
    sa.Column("leased_until", UtcTime, comment="until when (UTC)"),
    sa.Column("gateway", sa.Text, comment="the gateway last used"),
    sa.Column("gateway_id", PlainText, comment="the gateway's id of it"),
    sa.Column("price", sa.Text, comment="what the gateway says it charged"),
    sa.Column("sent_at", UtcTime, comment="when the gateway took it (UTC)"),
    sa.Column("settled_at", UtcTime, comment="when its state was last settled (UTC)"),
    sa.Column("ask_at", UtcTime, comment="when the gateway is asked next how it went (UTC); empty: never"),
    sa.UniqueConstraint("key", name="this_message_was_asked_for_already"),
    sa.UniqueConstraint("ref", name="this_ref_is_another_messages"),
    check("state_of_a_message_is_known", one_of("state", State)),
    check("kind_of_a_message_is_known", one_of("kind", MessageKind)),
    check("channel_of_a_message_is_known", one_of("channel", Channel)),
    check("audience_of_a_message_is_known", one_of("audience", Audience)),
    # None has a column of the lease: on PostgreSQL a claim then writes to no index at all.
    # Two, for what clients are sent is paced: ten thousand of theirs that wait must not stand before a notice to staff.
    sa.Index(
        "messages_due_to_clients",
        "channel",
        "due_at",
        "id",
        sqlite_where=sa.text("state = 'queued' AND audience = 'client'"),
        postgresql_where=sa.text("state = 'queued' AND audience = 'client'"),
    ),
    sa.Index(
        "messages_due_to_others",
        "state",  # always the same, and needed for SQLite to prefer this index to one of state alone
        "due_at",
        "id",
        sqlite_where=sa.text("state = 'queued' AND audience <> 'client'"),
        postgresql_where=sa.text("state = 'queued' AND audience <> 'client'"),
    ),
    sa.Index(
        "messages_to_ask_about",
        "ask_at",
        sqlite_where=sa.text("ask_at IS NOT NULL"),
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    ),
    sa.Index(
        "messages_by_gateway_id",
        "gateway_id",
        sqlite_where=sa.text("gateway_id IS NOT NULL"),
        postgresql_where=sa.text("gateway_id IS NOT NULL"),
    ),
    sa.Index("messages_by_recipient", "recipient", "kind", "created_at"),
    sa.Index("messages_by_client", "client", "created_at"),
    sa.Index("messages_by_creation", "created_at"),
    sa.Index("messages_by_state", "state", "created_at"),
    sa.Index("messages_of_its_call", "call_id"),
    sa.Index("messages_of_a_rule", "rule_id"),
    sa.Index("messages_of_an_item", "item"),
    comment="the outbox and the history in one: every message, from the wish to send it until its receipt",
    sqlite_strict=True,
)

message_events = sa.Table(
    "message_events",
    metadata,
    _big_id(),
    sa.Column(
        "message_id",
        BigId,
        sa.ForeignKey("messages.id", name="events_need_their_message", ondelete="CASCADE"),
        nullable=False,
        comment="its message",
    ),
    sa.Column("at", UtcTime, nullable=False, comment="when (UTC)"),
    sa.Column("state", sa.Text, nullable=False, comment="the state it came to, or stayed in"),
    _text("reason", "why"),
    _text("gateway", "the gateway concerned"),
    sa.Index("events_of_a_message", "message_id"),
    comment="what became of each message, step by step",
    sqlite_strict=True,
)

early_reports = sa.Table(
    "early_reports",
    metadata,
    _big_id(),
    sa.Column("at", UtcTime, nullable=False, comment="when it came (UTC)"),
    sa.Column("gateway", sa.Text, nullable=False, comment="who reported"),
    sa.Column("gateway_id", PlainText, nullable=False, comment="the gateway's id of the message"),
    sa.Column("state", sa.Text, nullable=False, comment="what it reported"),
    _text("reason", "why"),
    sa.Index("early_reports_by_gateway_id", "gateway", "gateway_id"),
    comment="receipts that overtook the answer to the sending; applied when that is known",
    sqlite_strict=True,
)

sending_pace = sa.Table(
    "sending_pace",
    metadata,
    sa.Column("channel", PlainText, primary_key=True, comment="which channel is paced"),
    sa.Column("next_at", UtcTime, nullable=False, comment="when the next message may go (UTC)"),
    comment="what keeps all senders together at the configured rate",
    sqlite_strict=True,
)

sending_counts = sa.Table(
    "sending_counts",
    metadata,
    sa.Column(
        "period", PlainText, primary_key=True, comment="a day (2026-01-31) or month (2026-01) of the window's zone"
    ),
    sa.Column("scope", PlainText, primary_key=True, comment="what is counted: all, a prefix, the budget"),
    sa.Column("amount", BigId, nullable=False, comment="messages; of the budget: ten-thousandths of the currency"),
    comment="what has been sent in a day or month, for the caps and the budget",
    sqlite_strict=True,
)

inbound_texts = sa.Table(
    "inbound_texts",
    metadata,
    sa.Column("id", PlainText, primary_key=True, comment="gateway and its id: taken in once"),
    sa.Column("at", UtcTime, nullable=False, comment="when it was sent (UTC)"),
    sa.Column("sender", PlainText, nullable=False, comment="E.164 number of the client"),
    sa.Column("recipient", PlainText, nullable=False, comment="our number it was sent to"),
    sa.Column("text", sa.Text, nullable=False, comment="what it says"),
    sa.Column("gateway", sa.Text, nullable=False, comment="who brought it"),
    _text("effect", "what came of it: stop, start, out_of_hours, or nothing"),
    sa.Index("inbound_texts_by_sender", "sender", "at"),
    comment="texts that clients sent us",
    sqlite_strict=True,
)

tickets = sa.Table(
    "tickets",
    metadata,
    its_id(),
    parent("team_id", "teams", "tickets_need_their_team", "whose ticket it is", nullable=False),
    sa.Column("client", PlainText, nullable=False, comment="E.164 number of the client"),
    _text("subject", "what it is about"),
    sa.Column("kind", sa.Text, nullable=False, server_default="given", comment="missed_call if we made it, else given"),
    sa.Column("state", sa.Text, nullable=False, server_default="open", comment="open or closed"),
    sa.Column("opened_at", UtcTime, nullable=False, server_default=sa.func.current_timestamp(), comment="when (UTC)"),
    sa.Column("closed_at", UtcTime, comment="when (UTC)"),
    sa.Column("external_id", PlainText, comment="the helpdesk's id of it"),
    sa.UniqueConstraint("external_id", name="a_ticket_of_this_id_exists"),
    check("kind_of_ticket_is_missed_call_or_given", "kind IN ('missed_call', 'given')"),
    check("state_of_a_ticket_is_open_or_closed", "state IN ('open', 'closed')"),
    sa.Index("tickets_of_a_client", "client", "team_id", "state"),
    sa.Index("tickets_by_opening", "team_id", "opened_at"),
    comment="what clients and teams are still about",
    sqlite_strict=True,
)

ticket_entries = sa.Table(
    "ticket_entries",
    metadata,
    _big_id(),
    parent("ticket_id", "tickets", "entries_need_their_ticket", "its ticket", nullable=False, ondelete="CASCADE"),
    sa.Column("at", UtcTime, nullable=False, comment="when (UTC)"),
    sa.Column("text", sa.Text, nullable=False, comment="what happened"),
    _call("call_of_an_entry_is_in_the_journal"),
    sa.UniqueConstraint("call_id", name="the_call_is_on_a_ticket_already"),
    sa.Index("entries_of_a_ticket", "ticket_id"),
    comment="what was written to a ticket; a call once",
    sqlite_strict=True,
)
