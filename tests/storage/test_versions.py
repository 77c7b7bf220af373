"""Every version of a scheme is kept, by whatever hand it was made, once, and is found by what calls name."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ari_app.core.draft import BranchDraft, SchemeDraft, StepDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.core.scheme_changes import canonical
from ari_app.storage import schema
from ari_app.storage.applying import carry_out
from ari_app.storage.database import snapshot, writing
from ari_app.storage.description import AnyNumber, read_description
from ari_app.storage.description_writing import as_yaml
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.planning import of_schemes, plan, read_present
from ari_app.storage.records import calls
from ari_app.storage.versions import (
    NOTICED,
    Version,
    VersionNotFoundError,
    calls_by_version,
    record,
    version_of,
    versions_of,
)
from tests.storage.admin import OFFICE, type_in

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
RULES = DialPolicy()
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDIT = "UPDATE schemes SET time_zone = '{}'"


def keeper_on(engine: sa.Engine) -> SchemeBookKeeper:
    """A controller's, that looks when it is told to."""
    return SchemeBookKeeper(engine, RULES, UNIVERSAL)


def known(engine: sa.Engine, scheme: str = "Office") -> list[Version]:
    with engine.connect() as connection:
        return versions_of(connection, scheme)


def zones(engine: sa.Engine) -> list[str]:
    """The time zone of each version, the latest first."""
    return [version.description["schemes"][0]["time zone"] for version in known(engine)]


def in_force(keeper: SchemeBookKeeper) -> str:
    scheme = keeper.current.numbers["+74950000101"].scheme
    assert scheme is not None
    return scheme.version


@pytest.mark.promise("OUR-06")
def test_edits_by_plain_sql_become_versions(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    keeper = keeper_on(engine)
    named = []
    for zone in ("Europe/Moscow", "Europe/Kyiv", "Europe/Warsaw"):
        type_in(url, EDIT.format(zone))
        keeper.refresh()
        named.append(in_force(keeper))
    assert zones(engine) == ["Europe/Warsaw", "Europe/Kyiv", "Europe/Moscow"]
    assert [version.version for version in known(engine)] == named[::-1]
    assert {version.source for version in known(engine)} == {NOTICED}


@pytest.mark.promise("OUR-06")
def test_a_version_is_found_by_what_a_call_names_and_is_the_scheme_that_it_went_by(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    keeper = keeper_on(engine)
    keeper.refresh()
    went_by, draft = in_force(keeper), next(iter(keeper.reading.judged.values())).draft
    type_in(url, "DELETE FROM branches WHERE name = 'Out of hours'")
    keeper.refresh()
    with engine.begin() as connection:
        row = {"id": "c", "arrived_at": MONDAY, "caller_raw": "", "dialled_raw": "", "scheme": "Office"}
        connection.execute(sa.insert(calls), {**row, "scheme_version": went_by})
        found = version_of(connection, "Office", went_by)
        assert calls_by_version(connection, "Office") == {went_by: 1}
    described, _ = read_description(as_yaml(found.description), AnyNumber())
    assert described.schemes == (canonical(draft),)
    assert described.schemes[0].version == went_by


@pytest.mark.promise("OUR-06")
def test_several_controllers_write_a_version_once(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    keepers = [keeper_on(engine) for _ in range(4)]
    for zone in ("Europe/Moscow", "Europe/Kyiv", "Europe/Warsaw"):
        type_in(url, EDIT.format(zone))
        together = [threading.Thread(target=keeper.refresh) for keeper in keepers]
        for each in together:
            each.start()
        for each in together:
            each.join(10)
    for keeper in keepers:
        keeper.refresh()
    assert zones(engine) == ["Europe/Warsaw", "Europe/Kyiv", "Europe/Moscow"]


def test_a_controller_that_was_slow_does_not_make_an_old_version_the_latest(engine: sa.Engine) -> None:
    old, new = an_office("UTC"), an_office("Europe/Kyiv")
    for seconds, draft in ((5, new), (2, old), (1, old), (2, new)):
        with writing(engine).begin() as connection:
            record(connection, [draft], MONDAY + timedelta(seconds=seconds))
    assert zones(engine) == ["Europe/Kyiv", "UTC"]
    assert [(version.in_force_at - MONDAY).seconds for version in known(engine)] == [5, 2]


def test_a_version_that_comes_again_is_one_row_and_the_latest(engine: sa.Engine) -> None:
    first, second = an_office("UTC"), an_office("Europe/Kyiv")
    for day, draft in enumerate((first, second, first, first)):
        with writing(engine).begin() as connection:
            record(connection, [draft], MONDAY + timedelta(days=day), f"on day {day}")
    (latest, before) = known(engine)
    assert (latest.version, latest.first_at, latest.in_force_at, latest.source) == (
        *(first.version, MONDAY, MONDAY + timedelta(days=2)),
        "on day 2",
    )
    assert before.version == second.version


def an_office(zone: str) -> SchemeDraft:
    return SchemeDraft("Office", zone, (BranchDraft("Always", (), (StepDraft("voicemail"),)),))


def test_a_restart_writes_nothing_anew(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    keeper_on(engine).refresh()
    before = known(engine)
    keeper_on(engine).refresh()
    assert known(engine) == before


@pytest.mark.fault("21")
def test_what_is_refused_is_no_version(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    keeper = keeper_on(engine)
    keeper.refresh()
    type_in(url, EDIT.format("Europe/Nowhere"))
    keeper.refresh()
    assert zones(engine) == ["Europe/Moscow"]
    type_in(url, EDIT.format("UTC"), "UPDATE destinations SET target = '+74950000101'")
    keeper.refresh()
    assert zones(engine) == ["Europe/Moscow"], "a circle is not in force"


def test_what_the_database_does_not_take_is_written_later_and_holds_up_no_edit(
    engine: sa.Engine, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    type_in(url, *OFFICE, "ALTER TABLE scheme_versions RENAME TO away")
    keeper = keeper_on(engine)
    try:
        assert keeper.refresh()
        assert in_force(keeper)
        type_in(url, EDIT.format("UTC"))
        assert keeper.refresh()
    finally:
        type_in(url, "ALTER TABLE away RENAME TO scheme_versions")
    assert zones(engine) == []
    keeper.refresh()
    assert zones(engine) == ["UTC", "Europe/Moscow"]
    assert sum("cannot be written down yet" in record.message for record in caplog.records) == 1


@pytest.mark.promise("OUR-06")
def test_what_nobody_had_noticed_is_kept_when_it_is_replaced(engine: sa.Engine, url: str) -> None:
    type_in(url, *OFFICE)
    with snapshot(engine).begin() as connection:
        present = read_present(connection)
    moved = present.schemes["Office"]._replace(time_zone="UTC")
    what = plan(of_schemes([moved]), present, RULES, UNIVERSAL)
    with writing(engine).begin() as connection:
        carry_out(connection, what, RULES, action="apply", actor="tester", target="test")
    assert [version.source for version in known(engine)] == ["apply by tester", NOTICED]
    assert zones(engine) == ["UTC", "Europe/Moscow"]
    keeper = keeper_on(engine)
    keeper.refresh()
    assert [version.source for version in known(engine)] == ["apply by tester", NOTICED]
    assert known(engine)[0].version == in_force(keeper)


def test_a_beginning_that_fits_none_or_several_is_refused(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        for number in range(20):
            record(connection, [an_office("UTC")._replace(branches=(BranchDraft(str(number), (), ()),))], MONDAY)
        with pytest.raises(VersionNotFoundError, match="no version of scheme 'Office' begins with 'x'; there are"):
            version_of(connection, "Office", "x")
        with pytest.raises(VersionNotFoundError, match="no version of scheme 'Shop' is known"):
            version_of(connection, "Shop", "x")
        first = sorted(version.version[0] for version in versions_of(connection, "Office"))
        twice = next(digit for digit in first if first.count(digit) > 1)
        with pytest.raises(VersionNotFoundError, match=f"several versions of scheme 'Office' begin with '{twice}'"):
            version_of(connection, "Office", twice)


def test_many_schemes_are_written_down_in_a_few_goes(engine: sa.Engine) -> None:
    drafts = [an_office("UTC")._replace(name=f"Office {number}") for number in range(1200)]
    with writing(engine).begin() as connection:
        record(connection, drafts, MONDAY)
        record(connection, drafts, MONDAY + timedelta(days=1))
        assert connection.scalar(sa.text("SELECT count(*) FROM scheme_versions")) == len(drafts)


def test_what_one_transaction_did_not_take_comes_in_the_next(
    engine: sa.Engine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many schemes take several: none of them holds up the journal for long, or is lost when a later one fails."""
    monkeypatch.setattr("ari_app.storage.versions._AT_ONCE", 1)
    type_in(url, *OFFICE, *(statement.replace("Office", "Shop") for statement in OFFICE[:1]))
    type_in(url, "INSERT INTO branches (scheme_id, name) SELECT id, 'Always' FROM schemes WHERE name = 'Shop'")
    type_in(url, "INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches WHERE name = 'Always'")
    taken: list[str] = []

    def second_fails(connection: sa.Connection, drafts: list[SchemeDraft], at: datetime) -> None:
        taken.extend(draft.name for draft in drafts)
        if len(taken) == 2:
            raise sa.exc.OperationalError("", {}, Exception("disk full"))
        record(connection, drafts, at)

    monkeypatch.setattr("ari_app.storage.versions.record", second_fails)
    keeper = keeper_on(engine)
    keeper.refresh()
    assert len(known(engine)) == 1
    keeper.refresh()
    assert taken == ["Office", "Shop", "Shop"]
    assert len(known(engine, "Shop")) == 1


def test_versions_are_no_configuration(engine: sa.Engine) -> None:
    """To write one is no edit: it would be noticed, and written, for ever."""
    assert "scheme_versions" not in schema.CONFIGURATION
    with writing(engine).begin() as connection:
        record(connection, [an_office("UTC")], MONDAY)
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.configuration_changes)) == 0


def test_a_keeper_that_may_only_read_writes_no_version(
    engine: sa.Engine, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    type_in(url, *OFFICE)
    reader = SchemeBookKeeper(engine, RULES, UNIVERSAL, keep_versions=False)
    with caplog.at_level(logging.WARNING):
        assert reader.refresh()
    assert in_force(reader)
    assert known(engine) == []
    assert not caplog.records
