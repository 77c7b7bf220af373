"""The outbox: messages and their history, pace and counts, texts from clients, tickets."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_0005"
down_revision = "schema_0004"
branch_labels = None
depends_on = None

FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
PLAIN_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TABLES = (
    "messages",
    "message_events",
    "early_reports",
    "sending_pace",
    "sending_counts",
    "inbound_texts",
    "tickets",
    "ticket_entries",
)


def upgrade() -> None:
    """Make them, parents first."""
    _messages()
    _message_events()
    _early_reports()
    _sending_pace()
    _sending_counts()
    _inbound_texts()
    _tickets()
    _ticket_entries()


def downgrade() -> None:
    """Remove them, and all that is in them."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", BIG, sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("key", PLAIN_TEXT, nullable=False, comment="what it is about; the same cause is taken in once"),
        sa.Column("ref", PLAIN_TEXT, nullable=False, comment="our id at the gateway, 32 hexadecimal digits"),
        sa.Column("created_at", MOMENT, nullable=False, comment="when it was taken in (UTC)"),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="why it is sent: apology, missed, voicemail_notice, by_hand ..."
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="sms, email, push, ticket or webhook"),
        sa.Column("audience", sa.Text(), nullable=False, comment="client, staff, admin or system"),
        sa.Column("recipient", PLAIN_TEXT, nullable=False, comment="number, address or name it goes to"),
        sa.Column("client", PLAIN_TEXT, nullable=True, comment="E.164 number of the client it concerns"),
        sa.Column(
            "subject",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="subject of an e-mail, title of a push message",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="what is sent"),
        sa.Column("parts", sa.Integer(), server_default="1", nullable=False, comment="SMS parts it takes"),
        sa.Column("rule_id", sa.Integer(), nullable=True, comment="the rule that asked for it, if it is still there"),
        sa.Column("rule", sa.Text(), nullable=True, comment="the rule's name when it asked"),
        sa.Column("team", sa.Text(), nullable=True, comment="name of the team it is from"),
        sa.Column("call_id", PLAIN_TEXT, nullable=True, comment="the call that brought it"),
        sa.Column("item", PLAIN_TEXT, nullable=True, comment="the other system's id of the item it is about"),
        sa.Column("attachment", sa.Text(), nullable=True, comment="name of a voicemail message to send along"),
        sa.Column(
            "once_in_hours",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="one in so many hours; 0: no limit",
        ),
        sa.Column(
            "withdraw_if_reached",
            FLAG,
            server_default=sa.false(),
            nullable=False,
            comment="not sent if client and company have talked since",
        ),
        sa.Column(
            "needs_ticket",
            FLAG,
            server_default=sa.false(),
            nullable=False,
            comment="sent only if the client has an open ticket",
        ),
        sa.Column(
            "forced", FLAG, server_default=sa.false(), nullable=False, comment="sent by SMS even where the type is off"
        ),
        sa.Column("bulk", FLAG, server_default=sa.false(), nullable=False, comment="advertising to many"),
        sa.Column(
            "asked_by",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="user who asked for it; empty: nobody, it came of itself",
        ),
        sa.Column("due_at", MOMENT, nullable=False, comment="not sent before (UTC)"),
        sa.Column("expires_at", MOMENT, nullable=False, comment="not sent after (UTC)"),
        sa.Column(
            "state", sa.Text(), server_default="queued", nullable=False, comment="queued, sending, sent, delivered ..."
        ),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why it is in that state"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="how often it was tried"),
        sa.Column("lease", sa.Text(), nullable=True, comment="which sender has it in hand"),
        sa.Column("leased_until", MOMENT, nullable=True, comment="until when (UTC)"),
        sa.Column("gateway", sa.Text(), nullable=True, comment="the gateway last used"),
        sa.Column("gateway_id", PLAIN_TEXT, nullable=True, comment="the gateway's id of it"),
        sa.Column("price", sa.Text(), nullable=True, comment="what the gateway says it charged"),
        sa.Column("sent_at", MOMENT, nullable=True, comment="when the gateway took it (UTC)"),
        sa.Column("settled_at", MOMENT, nullable=True, comment="when its state was last settled (UTC)"),
        sa.Column(
            "ask_at", MOMENT, nullable=True, comment="when the gateway is asked next how it went (UTC); empty: never"
        ),
        sa.CheckConstraint("audience IN ('client', 'staff', 'admin', 'system')", name="audience_of_a_message_is_known"),
        sa.CheckConstraint(
            "channel IN ('sms', 'email', 'push', 'ticket', 'webhook')", name="channel_of_a_message_is_known"
        ),
        sa.CheckConstraint(
            "kind IN ('apology', 'hung_up', 'missed', 'voicemail_left', 'answered_with_ticket', 'call_out_of_hours', 'text_out_of_hours', 'ticket_out_of_hours', 'rate_adviser', 'was_it_solved', 'first_chat', 'ask_for_photo', 'share_contacts', 'ask_for_approval', 'ask_for_payment', 'item_created', 'item_confirm', 'item_reminder', 'item_repeat_reminder', 'item_review_request', 'voicemail_notice', 'missed_call_ticket', 'event', 'by_hand', 'advertising')",
            name="kind_of_a_message_is_known",
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'unknown', 'cancelled', 'expired')",
            name="state_of_a_message_is_known",
        ),
        sa.CheckConstraint("bulk IN (0, 1)", name="bulk_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("forced IN (0, 1)", name="forced_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("needs_ticket IN (0, 1)", name="needs_ticket_is_true_or_false").ddl_if(dialect="sqlite"),
        sa.CheckConstraint("withdraw_if_reached IN (0, 1)", name="withdraw_if_reached_is_true_or_false").ddl_if(
            dialect="sqlite"
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="call_of_a_message_is_in_the_journal", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("key", name="this_message_was_asked_for_already"),
        sa.UniqueConstraint("ref", name="this_ref_is_another_messages"),
        comment="the outbox and the history in one: every message, from the wish to send it until its receipt",
        sqlite_strict=True,
    )
    op.create_index("messages_by_client", "messages", ["client", "created_at"])
    op.create_index("messages_by_creation", "messages", ["created_at"])
    op.create_index(
        "messages_by_gateway_id",
        "messages",
        ["gateway_id"],
        sqlite_where=sa.text("gateway_id IS NOT NULL"),
        postgresql_where=sa.text("gateway_id IS NOT NULL"),
    )
    op.create_index("messages_by_recipient", "messages", ["recipient", "kind", "created_at"])
    op.create_index("messages_by_state", "messages", ["state", "created_at"])
    op.create_index(
        "messages_due",
        "messages",
        ["due_at", "id"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "messages_in_hand",
        "messages",
        ["leased_until"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("messages_of_a_rule", "messages", ["rule_id"])
    op.create_index("messages_of_an_item", "messages", ["item"])
    op.create_index("messages_of_its_call", "messages", ["call_id"])
    op.create_index(
        "messages_to_ask_about",
        "messages",
        ["ask_at"],
        sqlite_where=sa.text("ask_at IS NOT NULL"),
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )


def _message_events() -> None:
    op.create_table(
        "message_events",
        sa.Column("id", BIG, sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("message_id", BIG, nullable=False, comment="its message"),
        sa.Column("at", MOMENT, nullable=False, comment="when (UTC)"),
        sa.Column("state", sa.Text(), nullable=False, comment="the state it came to, or stayed in"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why"),
        sa.Column("gateway", sa.Text(), server_default="", nullable=False, comment="the gateway concerned"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="events_need_their_message", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_message_events"),
        comment="what became of each message, step by step",
        sqlite_strict=True,
    )
    op.create_index("events_of_a_message", "message_events", ["message_id"])


def _early_reports() -> None:
    op.create_table(
        "early_reports",
        sa.Column("id", BIG, sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("at", MOMENT, nullable=False, comment="when it came (UTC)"),
        sa.Column("gateway", sa.Text(), nullable=False, comment="who reported"),
        sa.Column("gateway_id", PLAIN_TEXT, nullable=False, comment="the gateway's id of the message"),
        sa.Column("state", sa.Text(), nullable=False, comment="what it reported"),
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why"),
        sa.PrimaryKeyConstraint("id", name="pk_early_reports"),
        comment="receipts that overtook the answer to the sending; applied when that is known",
        sqlite_strict=True,
    )
    op.create_index("early_reports_by_gateway_id", "early_reports", ["gateway", "gateway_id"])


def _sending_pace() -> None:
    op.create_table(
        "sending_pace",
        sa.Column("channel", PLAIN_TEXT, nullable=False, comment="which channel is paced"),
        sa.Column("next_at", MOMENT, nullable=False, comment="when the next message may go (UTC)"),
        sa.PrimaryKeyConstraint("channel", name="pk_sending_pace"),
        comment="what keeps all senders together at the configured rate",
        sqlite_strict=True,
    )


def _sending_counts() -> None:
    op.create_table(
        "sending_counts",
        sa.Column(
            "period", PLAIN_TEXT, nullable=False, comment="a day (2026-01-31) or month (2026-01) of the window's zone"
        ),
        sa.Column("scope", PLAIN_TEXT, nullable=False, comment="what is counted: all, a prefix, the budget"),
        sa.Column("amount", BIG, nullable=False, comment="messages; of the budget: ten-thousandths of the currency"),
        sa.PrimaryKeyConstraint("period", "scope", name="pk_sending_counts"),
        comment="what has been sent in a day or month, for the caps and the budget",
        sqlite_strict=True,
    )


def _inbound_texts() -> None:
    op.create_table(
        "inbound_texts",
        sa.Column("id", PLAIN_TEXT, nullable=False, comment="gateway and its id: taken in once"),
        sa.Column("at", MOMENT, nullable=False, comment="when it was sent (UTC)"),
        sa.Column("sender", PLAIN_TEXT, nullable=False, comment="E.164 number of the client"),
        sa.Column("recipient", PLAIN_TEXT, nullable=False, comment="our number it was sent to"),
        sa.Column("text", sa.Text(), nullable=False, comment="what it says"),
        sa.Column("gateway", sa.Text(), nullable=False, comment="who brought it"),
        sa.Column(
            "effect",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="what came of it: stop, start, out_of_hours, or nothing",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_texts"),
        comment="texts that clients sent us",
        sqlite_strict=True,
    )
    op.create_index("inbound_texts_by_sender", "inbound_texts", ["sender", "at"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("team_id", sa.Integer(), nullable=False, comment="whose ticket it is"),
        sa.Column("client", PLAIN_TEXT, nullable=False, comment="E.164 number of the client"),
        sa.Column("subject", sa.Text(), server_default="", nullable=False, comment="what it is about"),
        sa.Column(
            "kind", sa.Text(), server_default="given", nullable=False, comment="missed_call if we made it, else given"
        ),
        sa.Column("state", sa.Text(), server_default="open", nullable=False, comment="open or closed"),
        sa.Column(
            "opened_at", MOMENT, server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False, comment="when (UTC)"
        ),
        sa.Column("closed_at", MOMENT, nullable=True, comment="when (UTC)"),
        sa.Column("external_id", PLAIN_TEXT, nullable=True, comment="the helpdesk's id of it"),
        sa.CheckConstraint("kind IN ('missed_call', 'given')", name="kind_of_ticket_is_missed_call_or_given"),
        sa.CheckConstraint("state IN ('open', 'closed')", name="state_of_a_ticket_is_open_or_closed"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="tickets_need_their_team"),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.UniqueConstraint("external_id", name="a_ticket_of_this_id_exists"),
        comment="what clients and teams are still about",
        sqlite_strict=True,
    )
    op.create_index("tickets_by_opening", "tickets", ["team_id", "opened_at"])
    op.create_index("tickets_of_a_client", "tickets", ["client", "team_id", "state"])


def _ticket_entries() -> None:
    op.create_table(
        "ticket_entries",
        sa.Column("id", BIG, sa.Identity(), nullable=False, comment="given by the database"),
        sa.Column("ticket_id", sa.Integer(), nullable=False, comment="its ticket"),
        sa.Column("at", MOMENT, nullable=False, comment="when (UTC)"),
        sa.Column("text", sa.Text(), nullable=False, comment="what happened"),
        sa.Column("call_id", PLAIN_TEXT, nullable=True, comment="the call that brought it"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="call_of_an_entry_is_in_the_journal", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="entries_need_their_ticket", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_entries"),
        sa.UniqueConstraint("call_id", name="the_call_is_on_a_ticket_already"),
        comment="what was written to a ticket; a call once",
        sqlite_strict=True,
    )
    op.create_index("entries_of_a_ticket", "ticket_entries", ["ticket_id"])
