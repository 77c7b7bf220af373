"""More ways to ring one after another: by turns, by lot, by weight, by rest; and what they go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ari_app.storage.rebuilding import rewrite_rules

revision = "schema_0015"
down_revision = "schema_0014"
branch_labels = None
depends_on = None

BEFORE = "strategy_is_in_turn_all_at_once_or_staggered"
RULE = "strategy_is_a_way_to_ring"
KNOWN_BEFORE = "strategy IN ('in_turn', 'all_at_once', 'staggered')"
KNOWN = "strategy IN ('in_turn', 'all_at_once', 'staggered', 'round_robin', 'random', 'weighted', 'least_recent')"
STRATEGY_BEFORE = "how a dial step rings: in_turn, all_at_once or staggered"
STRATEGY = "how a dial step rings: in_turn, all_at_once, staggered, round_robin, random, weighted or least_recent"
WEIGHT_RULE = "weight_is_1_to_100"
WEIGHT = "weighted: how often it is rung first, beside the weights of the others"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    """Let them in."""
    _strategies(BEFORE, KNOWN_BEFORE, RULE, KNOWN, STRATEGY)
    if _on_postgresql():
        op.add_column(
            "destinations", sa.Column("weight", sa.Integer(), server_default="1", nullable=False, comment=WEIGHT)
        )
        op.create_check_constraint(WEIGHT_RULE, "destinations", "weight BETWEEN 1 AND 100")
    else:
        op.execute(
            f'ALTER TABLE destinations ADD COLUMN weight INTEGER DEFAULT 1 NOT NULL CONSTRAINT "{WEIGHT_RULE}" '
            "CHECK (weight BETWEEN 1 AND 100)"
        )
    _turns()
    _talks()


def downgrade() -> None:
    """And out: steps that ring so ring in turn again."""
    op.execute("UPDATE steps SET strategy = 'in_turn' WHERE strategy NOT IN ('in_turn', 'all_at_once', 'staggered')")
    _strategies(RULE, KNOWN, BEFORE, KNOWN_BEFORE, STRATEGY_BEFORE)
    if _on_postgresql():
        op.drop_constraint(WEIGHT_RULE, "destinations")
    op.execute("ALTER TABLE destinations DROP COLUMN weight")
    op.drop_table("last_talks")
    op.drop_table("ring_turns")


def _on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _strategies(before: str, known_before: str, rule: str, known: str, comment: str) -> None:
    if _on_postgresql():
        op.drop_constraint(before, "steps")
        op.create_check_constraint(rule, "steps", known)
        op.alter_column("steps", "strategy", comment=comment)
        return
    rewrite_rules(op.get_bind(), "steps", (before, rule), (known_before, known))


def _turns() -> None:
    op.create_table(
        "ring_turns",
        sa.Column("scheme", TEXT, nullable=False, comment="name of the scheme; empty: the configured default"),
        sa.Column("branch", TEXT, nullable=False, comment="name of its branch"),
        sa.Column(
            "step", sa.Integer(), autoincrement=False, nullable=False, comment="which step of the branch, from 1"
        ),
        sa.Column("destination", TEXT, nullable=False, comment="the destination that was rung first"),
        sa.Column("at", MOMENT, nullable=False, comment="when it last was (UTC)"),
        sa.PrimaryKeyConstraint("scheme", "branch", "step", "destination", name="pk_ring_turns"),
        comment="when each destination was last the first to be rung, in steps that take turns; written by the "
        "controllers",
        sqlite_strict=True,
    )
    op.create_index("ring_turns_by_time", "ring_turns", ["at"])


def _talks() -> None:
    op.create_table(
        "last_talks",
        sa.Column("caller", TEXT, nullable=False, comment="who called, E.164; empty: without a number"),
        sa.Column("destination", TEXT, nullable=False, comment="the destination that talked with the caller"),
        sa.Column("at", MOMENT, nullable=False, comment="when their last talk ended (UTC)"),
        sa.PrimaryKeyConstraint("caller", "destination", name="pk_last_talks"),
        comment="when each caller last talked with each destination; written by the controllers, which forget the old "
        "ones",
        sqlite_strict=True,
    )
    op.create_index("last_talks_by_time", "last_talks", ["at"])
