"""The tables of the desk: how clients are reached beside their number, and who changed what."""

from __future__ import annotations

import sqlalchemy as sa

from ari_app.storage.columns import Details, PlainText, UtcTime
from ari_app.storage.schema import check, e164_check, metadata

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

clients = sa.Table(
    "clients",
    metadata,
    sa.Column("client", PlainText, primary_key=True, comment="E.164 number of the client"),
    sa.Column("name", sa.Text, nullable=False, server_default="", comment="how messages call the client"),
    sa.Column("email", sa.Text, nullable=False, server_default="", comment="e-mail address; empty: none is known"),
    sa.Column(
        "push", sa.Text, nullable=False, server_default="", comment="Web Push subscription, JSON; empty: none is known"
    ),
    *e164_check("client", "number_of_a_client_is_plus_and_digits_like_plus79160000003"),
    check("email_is_an_address_like_anna_at_example_com", "email = '' OR email LIKE '%_@_%'"),
    comment="how clients are called and reached, beside their number; a client needs no row here",
    sqlite_strict=True,
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", BigId, sa.Identity(), primary_key=True, comment="given by the database"),
    sa.Column("at", UtcTime, nullable=False, comment="when (UTC)"),
    sa.Column("actor", sa.Text, nullable=False, comment="who: a user's name, or the machine's operator"),
    sa.Column("subject", sa.Text, nullable=False, comment="what it was about: rules, messages, consent ..."),
    sa.Column("action", sa.Text, nullable=False, comment="what was done: create, edit, delete, send, export ..."),
    sa.Column("target", sa.Text, nullable=False, comment="to which one: a name, a number or an id"),
    sa.Column("details", Details, nullable=False, comment="the particulars, an object of JSON"),
    sa.Index("audit_log_by_time", "at"),
    comment="who changed what, and when; written with the change, never edited",
    sqlite_strict=True,
)
