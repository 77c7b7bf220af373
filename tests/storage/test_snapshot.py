"""What was in force is kept in a file, and is in force again at a start without a database."""

from __future__ import annotations

import json
import logging
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from ari_app.core.draft import SchemeDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.storage import snapshot as snapshot_module
from ari_app.storage.database import open_database
from ari_app.storage.keeper import SchemeBookKeeper
from ari_app.storage.private_files import replace
from ari_app.storage.rows import Configuration
from ari_app.storage.snapshot import FILE_NAME, BookSnapshot, Kept, told, understood
from tests.storage.admin import OFFICE, type_in
from tests.storage.described import GOOD_SCHEMES
from tests.storage.postgres import PrivatePostgres
from tests.storage.test_keeper import _zone

UNIVERSAL = Greeting("universal", "ari-app/en/greeting")
AWAY = "postgresql://ari@127.0.0.1:1/nobody-listens-there"
MESSAGES = (
    "INSERT INTO teams (name) VALUES ('Sales')",
    "UPDATE numbers SET team_id = (SELECT id FROM teams)",
    "INSERT INTO apology_rules (name, text) VALUES ('Sorry', 'Sorry, {company}')",
    "INSERT INTO apology_rule_numbers (rule_id, e164) SELECT id, '+74950000101' FROM apology_rules",
    "INSERT INTO message_types (team_id, kind, text) SELECT id, 'missed', 'We missed you' FROM teams",
    "INSERT INTO team_contacts (team_id, audience, channel, address) "
    "SELECT id, 'staff', 'email', 'sales@example.com' FROM teams",
)
CIRCLE = (
    "INSERT INTO schemes (name, time_zone) VALUES ('Branch office', 'UTC')",
    "INSERT INTO branches (scheme_id, name) SELECT id, 'Always' FROM schemes WHERE name = 'Branch office'",
    "INSERT INTO steps (branch_id, kind) SELECT id, 'voicemail' FROM branches WHERE name = 'Always'",
    "INSERT INTO numbers (e164, scheme_id) SELECT '+74950000102', id FROM schemes WHERE name = 'Branch office'",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


class KeeperOf(Protocol):
    """Makes a keeper that has looked at the file; nobody has looked at the database yet."""

    def __call__(self, url: str, folder: Path) -> SchemeBookKeeper: ...


@pytest.fixture
def keeper_of() -> Iterator[KeeperOf]:
    with ExitStack() as stack:

        def make(url: str, folder: Path) -> SchemeBookKeeper:
            engine = open_database(url)
            stack.callback(engine.dispose)
            keeper = SchemeBookKeeper(engine, DialPolicy(), UNIVERSAL, snapshot=BookSnapshot(folder))
            keeper.restore()
            return keeper

        yield make


def versions(keeper: SchemeBookKeeper) -> tuple[str, str, bool]:
    """What tells one book in force from another."""
    return keeper.current.version, keeper.messages.version, keeper.current.loaded


@pytest.mark.fault("17")
@pytest.mark.parametrize(
    "edits",
    [
        (OFFICE,),
        (OFFICE, MESSAGES),
        ((*OFFICE, *MESSAGES), ("UPDATE schemes SET time_zone = 'Mars/Base'",)),
        ((*OFFICE, *MESSAGES), ("UPDATE apology_rules SET text = 'Sorry, {nobody}', enabled = FALSE",)),
        ((*OFFICE, *MESSAGES), ("UPDATE message_types SET text = 'We missed {nobody}'",)),
        ((*OFFICE, *MESSAGES), ("UPDATE team_contacts SET address = 'no address'",)),
        (
            (*OFFICE, *CIRCLE),
            (
                "UPDATE steps SET kind = 'dial' WHERE branch_id = (SELECT id FROM branches WHERE name = 'Always')",
                "INSERT INTO destinations (step_id, target) SELECT steps.id, '+74950000102' FROM steps "
                "JOIN branches ON branches.id = branch_id WHERE branches.name = 'Always'",
            ),
        ),
        (
            (
                "INSERT INTO schemes (name, time_zone) VALUES ('Never good', 'Mars/Base')",
                "INSERT INTO numbers (e164, scheme_id) SELECT '+74950000103', id FROM schemes",
            ),
        ),
        (OFFICE, ("DELETE FROM numbers",)),
        (OFFICE, ("UPDATE numbers SET name = 'имя \U0001f648 \"\n'",)),
    ],
    ids=[
        "schemes",
        "messages",
        "a broken scheme",
        "a broken rule, off",
        "a broken type",
        "a broken contact",
        "a circle",
        "never good",
        "nothing",
        "odd text",
    ],
)
def test_a_start_without_the_database_has_what_was_in_force(
    keeper_of: KeeperOf, url: str, folder: Path, edits: tuple[tuple[str, ...], ...]
) -> None:
    """Last good versions of what makes no sense included."""
    before = keeper_of(url, folder)
    for statements in edits:
        no = "0" if url.startswith("sqlite") else "FALSE"
        type_in(url, *(one.replace("FALSE", no) for one in statements))
        assert before.refresh()
    after = keeper_of(AWAY, folder)
    assert versions(after) == versions(before)
    assert not after.refresh()
    assert versions(after) == versions(before)
    assert after.wait_loaded(0)
    again = keeper_of(url, folder)
    assert again.refresh()
    assert versions(again) == versions(before), "a broken scheme keeps its last good version over a restart, too"


@pytest.mark.fault("17")
def test_the_database_is_gone_over_to_when_it_is_back(
    keeper_of: KeeperOf, postgres: PrivatePostgres, postgresql_url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    type_in(postgresql_url, *OFFICE)
    assert keeper_of(postgresql_url, folder).refresh()
    type_in(postgresql_url, "UPDATE schemes SET time_zone = 'Europe/Kyiv'")
    postgres.halt()
    keeper = keeper_of(postgresql_url, folder)
    try:
        keeper.start()
        assert keeper.wait_loaded(5)
        assert _zone(keeper.reading) == "Europe/Moscow"
        assert "the schemes of 20" in caplog.text
        assert f"UTC are in force, {folder / FILE_NAME}" in caplog.text
    finally:
        keeper.stop()
        postgres.start()
    with caplog.at_level(logging.INFO):
        assert keeper.refresh()
    assert _zone(keeper.reading) == "Europe/Kyiv"
    assert "the database can be read again" in caplog.text


def test_without_a_file_calls_get_the_default_as_before(
    keeper_of: KeeperOf, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = keeper_of(AWAY, folder)
    assert not keeper.refresh()
    assert not keeper.current.loaded
    assert not keeper.wait_loaded(0)
    assert "calls get the configured default" in caplog.text


def _cut(content: bytes) -> bytes:
    return content[:-20]


def _flipped(content: bytes) -> bytes:
    return content.replace(b"Europe/Moscow", b"Europe/Madrid")


def _older(content: bytes) -> bytes:
    head, _, rest = content.partition(b"\n")
    return json.dumps({**json.loads(head), "format": 0}).encode() + b"\n" + rest


def _other_fields(content: bytes) -> bytes:
    return content.replace(b'"time_zone"', b'"zone"', 1)


def _empty(_content: bytes) -> bytes:
    return b""


def _rubbish(_content: bytes) -> bytes:
    return b"\xff" * 1000


@pytest.mark.parametrize("spoil", [_cut, _flipped, _older, _other_fields, _empty, _rubbish])
def test_a_file_that_is_damaged_or_of_another_release_is_told_and_not_used(
    keeper_of: KeeperOf,
    sqlite_url: str,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[bytes], bytes],
) -> None:
    type_in(sqlite_url, *OFFICE)
    assert keeper_of(sqlite_url, folder).refresh()
    file = folder / FILE_NAME
    file.write_bytes(spoil(file.read_bytes()))
    keeper = keeper_of(sqlite_url, folder)
    assert not keeper.current.loaded
    assert f"{file} is not used: " in caplog.text
    assert keeper.refresh()
    assert keeper_of(AWAY, folder).current.loaded, "it is written anew"


def test_the_file_is_its_owners_alone_and_replaced_as_a_whole(
    keeper_of: KeeperOf, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(url, *OFFICE)
    keeper = keeper_of(url, folder)
    assert keeper.refresh()
    file = folder / FILE_NAME
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    whole = file.read_bytes()

    def torn(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ari_app.storage.private_files.os.fsync", torn)
    with pytest.raises(OSError, match="No space"):
        replace(file, b"half")
    assert file.read_bytes() == whole
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


@pytest.mark.fault("24")
def test_a_full_disk_keeps_no_edit_from_coming_into_force(
    keeper_of: KeeperOf, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    type_in(url, *OFFICE)
    keeper = keeper_of(url, folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot_module, "replace", full)
    for zone in ("Europe/Kyiv", "Europe/Warsaw"):
        type_in(url, f"UPDATE schemes SET time_zone = '{zone}'")
        assert keeper.refresh()
        assert _zone(keeper.reading) == zone
    assert caplog.text.count("cannot be written, a start without the database would find older schemes") == 1


def test_a_database_whose_disk_is_not_mounted_is_not_made_anew(
    keeper_of: KeeperOf, sqlite_url: str, folder: Path, tmp_path: Path
) -> None:
    type_in(sqlite_url, *OFFICE)
    assert keeper_of(sqlite_url, folder).refresh()
    file = Path(str(sa.make_url(sqlite_url).database))
    elsewhere = tmp_path / "elsewhere.db"
    shutil.move(file, elsewhere)
    keeper = keeper_of(sqlite_url, folder)
    assert not keeper.refresh()
    assert "is its disk mounted?" in keeper.trouble
    assert not file.exists()
    assert _zone(keeper.reading) == "Europe/Moscow"
    shutil.move(elsewhere, file)
    type_in(sqlite_url, "UPDATE schemes SET time_zone = 'Europe/Kyiv'")
    assert keeper.refresh()
    assert _zone(keeper.reading) == "Europe/Kyiv"


@pytest.mark.promise("FLD-09")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drafts=GOOD_SCHEMES)
def test_whatever_a_scheme_has_is_in_the_file_and_read_as_what_it_was(drafts: tuple[SchemeDraft, ...]) -> None:
    asked = Configuration((0, 0), dict(enumerate(drafts)), [])
    kept = understood(told(Kept(datetime.now(UTC), asked, asked)))
    assert repr(kept.good.schemes) == repr(asked.schemes)
    assert kept.good.schemes == asked.schemes
