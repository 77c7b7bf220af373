"""`doctor`: finds each fault on the real parts, says how to mend it, and says so by its exit code."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from ari_app.agi.client import NoAnswer, ask
from ari_app.audio import mp3
from ari_app.cli import doctor_machine
from ari_app.ports import MessageRecord
from ari_app.storage.spool import Spool
from tests.cli.conftest import Cli, Installation
from tests.e2e.controller import Controller
from tests.e2e.full_disk import no_room
from tests.monitoring.scraping import free_port


def check(told: dict[str, Any], name: str) -> tuple[str, str, str]:
    """State, text and mend of one check."""
    (found,) = [each for each in told["checks"] if each["name"] == name]
    return found["state"], found["text"], found["mend"]


def test_all_is_well_where_everything_runs(running: Cli) -> None:
    told = running.json("doctor")
    assert (told["faults"], told["warnings"]) == (0, 0), told
    assert {each["state"] for each in told["checks"]} == {"fine"}
    people = running("doctor").stdout
    assert people.count(" ✔ ") == len(told["checks"])
    assert people.endswith(f"{len(told['checks'])} checks: 0 faults, 0 warnings\n")


def test_it_leaves_nothing_behind_in_asterisk(running: Cli, installed: Installation) -> None:
    before = set(installed.recordings.iterdir())
    running("doctor")
    assert set(installed.recordings.iterdir()) == before
    assert "0 active" in installed.asterisk.cli("core show channels")
    assert "doctor" not in installed.asterisk.cli("bridge show all")


def test_without_a_controller_it_says_who_gets_the_calls(unattended: Cli) -> None:
    state, text, mend = check(unattended.json("doctor", code=1), "controller")
    assert (state, mend) == ("fault", "ari-app serve")
    assert "callers get the dialplan's fallback" in text


def test_a_missing_recording_folder_is_found(running: Cli, installed: Installation) -> None:
    aside = installed.recordings.with_name("recording-aside")
    installed.recordings.rename(aside)
    try:
        state, text, mend = check(running.json("doctor", code=1), "recording")
    finally:
        if installed.recordings.exists():
            installed.recordings.rmdir()
        aside.rename(installed.recordings)
    assert state == "fault"
    assert "500" in text
    assert "install -d" in mend


@pytest.mark.fault("24")
def test_a_disk_that_asterisk_cannot_record_on_is_found(running: Cli, installed: Installation) -> None:
    """Asterisk says all the same that the recording is done."""
    with no_room(installed.asterisk, 20):
        state, text, mend = check(running.json("doctor", code=1), "recording")
    assert (state, text.startswith("Asterisk says that a second was recorded")) == ("fault", True)
    assert "make room" in mend


def test_a_wrong_password_is_found(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "not-the-password")
    told = running.json("doctor", code=1)
    state, text, mend = check(told, "ARI")
    assert (state, "refuses the user or the password" in text) == ("fault", True)
    assert "ARI_APP_ARI_PASSWORD" in mend
    assert check(told, "recording")[0] == "skipped"
    assert "not-the-password" not in str(told)


def test_an_asterisk_that_is_not_there_is_found(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ARI_APP_ARI_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}/ari")
        state, text, mend = check(running.json("doctor", code=1), "ARI")
    assert (state, text.startswith("nothing answers at http://127.0.0.1")) == ("fault", True)
    assert mend.startswith("start Asterisk, or set ARI_APP_ARI_URL")


def test_a_module_that_is_not_loaded_is_found(running: Cli, installed: Installation) -> None:
    installed.asterisk.cli("module unload res_ari_playbacks.so")
    try:
        state, text, mend = check(running.json("doctor", code=1), "modules")
    finally:
        installed.asterisk.cli("module load res_ari_playbacks.so")
    assert (state, mend) == ("fault", "load them in modules.conf: res_ari_playbacks.so")
    assert "res_ari_playbacks.so" in text


def test_an_endpoint_that_asterisk_does_not_know_is_found(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_NUMBER_TEMPLATE", "PJSIP/{number}@carrier")
    state, text, mend = check(running.json("doctor", code=1), "endpoints")
    assert (state, text) == ("fault", "Asterisk has no PJSIP/carrier: ringing it fails at once")
    assert "ARI_APP_NUMBER_TEMPLATE" in mend


@pytest.mark.promise("FLD-15")
def test_a_process_that_cannot_be_watched_is_found(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.setenv("ARI_APP_SENDER_MONITOR_PORT", str(port))
        state, text, mend = check(running.json("doctor"), "monitoring")
    assert (state, text) == ("warning", f"ari-app sender at 127.0.0.1:{port}: nobody answers")
    assert mend == "start ari-app sender, or set ARI_APP_SENDER_MONITOR_PORT=0"


@pytest.mark.promise("FLD-15")
def test_a_controller_that_is_not_ready_tells_the_doctor_why(
    running: Cli, installed: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One without its Asterisk, beside the one that is well."""
    port = free_port()
    nowhere = {**installed.settings, "ari_url": f"http://127.0.0.1:{free_port()}/ari", "monitor_port": port}
    for name, value in nowhere.items():
        monkeypatch.setenv(f"ARI_APP_{name.upper()}", str(value))
    lonely = Controller(tmp_path / "lonely", nowhere)
    lonely.start(until="Cannot connect|nothing answers|refused|not connected")
    try:
        state, text, mend = check(running.json("doctor", code=1), "monitoring")
    finally:
        lonely.kill()
    assert state == "warning"
    assert text.startswith(f"ari-app serve at 127.0.0.1:{port}: ")
    assert mend == "see the faults above"


@pytest.mark.fault("24")
def test_recordings_that_are_owed_are_told_with_the_reason(cli: Cli) -> None:
    assert check(cli.json("doctor", code=1), "owed recordings")[0] == "fine"
    cli.sql(
        "INSERT INTO calls (id, arrived_at, caller_raw, dialled_raw, disposition, ended_at) "
        "VALUES ('call-1', '2026-03-02 09:00:00.000000', '', '', 'lost', '2026-03-02 09:01:00.000000')",
        "INSERT INTO owed_recordings (name, call_id, application, min_seconds, why) "
        "VALUES ('voicemail-1', 'call-1', 'ari-app', 2, 'No space left on device')",
    )
    state, text, mend = check(cli.json("doctor", code=1), "owed recordings")
    assert state == "warning"
    assert "1 recording in the spool of Asterisk" in text
    assert "voicemail-1 of call call-1, application ari-app: No space left on device" in text
    assert "takes them by itself" in mend


# --- without Asterisk ------------------------------------------------------------------------------------------------


def test_wrong_settings_are_the_first_fault_and_the_rest_waits(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_REGION", "Russia")
    told = cli.json("doctor", code=1)
    assert check(told, "settings")[0] == "fault"
    assert "ARI_APP_REGION" in check(told, "settings")[1]
    assert {check(told, name)[0] for name in ("database", "schemes", "ARI", "recording", "disk space")} == {"skipped"}


def test_a_missing_password_is_a_fault_of_its_own(cli: Cli) -> None:
    told = cli.json("doctor", code=1)
    assert check(told, "ARI password")[0] == "fault"
    assert check(told, "database")[0] == "fine"
    assert "mend: set it as in Asterisk's ari.conf" in cli("doctor", code=1).stdout


def test_a_database_without_tables_is_a_fault(bare: Cli) -> None:
    state, text, mend = check(bare.json("doctor", code=1), "database")
    assert (state, mend) == ("fault", "ari-app db upgrade")
    assert "there is no database" in text


@pytest.mark.fault("21")
def test_a_refused_scheme_is_a_fault_by_name(cli: Cli) -> None:
    cli.sql("UPDATE schemes SET time_zone = 'Mars/Base' WHERE name = 'Demo: office hours'")
    told = cli.json("doctor", code=1)
    assert "scheme 'Demo: office hours': 'Mars/Base' is not an IANA" in check(told, "schemes")[1]
    assert check(told, "time zones")[:2] == ("fault", "no zone Mars/Base")


def test_messages_that_others_could_read_are_a_warning(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "messages").mkdir(mode=0o755)
    state, text, mend = check(cli.json("doctor", code=1), "messages folder")
    assert (state, mend) == ("warning", f"chmod 700 {tmp_path}/messages")
    assert "0755" in text


def test_a_folder_that_cannot_be_written_is_a_fault(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_MESSAGES_FOLDER", "/proc/1")  # a directory that not even root can write to
    assert check(cli.json("doctor", code=1), "messages folder")[0] == "fault"


def test_a_journal_that_waits_for_the_database_is_told(cli: Cli, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert check(cli.json("doctor", code=1), "state folder")[:2] == (
        "fine",
        f"{state} will be made when the controller starts",
    )
    spool = Spool(state)
    spool.append([MessageRecord("call-1", "message", 1)])
    found, text, mend = check(cli.json("doctor", code=1), "state folder")
    assert (found, text) == ("warning", f"0 KB of the journal wait in {state} for the database")
    assert "ari-app serve" in mend
    spool.drop(1)
    spool.close()
    assert check(cli.json("doctor", code=1), "state folder")[0] == "fine"
    (state / "journal-x.spool.damaged-0").touch()
    found, text, _mend = check(cli.json("doctor", code=1), "state folder")
    assert (found, "journal-x.spool.damaged-0" in text) == ("warning", True)


def test_a_state_folder_that_cannot_be_written_is_a_fault(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_STATE_FOLDER", "/proc/1")
    assert check(cli.json("doctor", code=1), "state folder")[0] == "fault"


@pytest.mark.parametrize(
    ("answer", "state"),
    [((True, 0.001), "fine"), ((True, 0.4), "warning"), ((False, 0.001), "fault"), ((False, 5.0), "fault")],
)
def test_a_host_name_that_is_slow_or_unknown_is_told(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, answer: tuple[bool, float], state: str
) -> None:
    monkeypatch.setattr(doctor_machine, "_resolve", lambda _name: answer)
    found, _text, mend = check(cli.json("doctor", code=1), "host name")
    assert found == state
    assert ("/etc/hosts" in mend) == (state != "fine")


def test_names_are_really_looked_up() -> None:
    assert doctor_machine._resolve("localhost")[0]
    assert not doctor_machine._resolve("no-such-host.invalid")[0]


def test_an_absent_fastagi_is_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ARI_APP_AGI_PORT", str(nobody.getsockname()[1]))
        state, text, mend = check(cli.json("doctor", code=1), "FastAGI")
    assert state == "warning"
    assert "Connection refused; without a controller, callers can only leave a message" in text
    assert mend.startswith("ari-app agi")


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "no FastAGI server of ours"),
        (b"", "without an answer"),
        (b'SET VARIABLE ARI_APP_ACTION ""\n', "without an answer"),
    ],
)
def test_something_else_at_the_port_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, says: bytes, told: str) -> None:
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as lines:
            while lines.readline() != b"\n":
                pass
            lines.write(says)
            lines.flush()
            if says.startswith(b"SET"):
                lines.readline()

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ARI_APP_AGI_PORT", str(server.getsockname()[1]))
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        state, text, _mend = check(cli.json("doctor", code=1), "FastAGI")
        thread.join()
    assert (state, told in text) == ("warning", True), text


def test_a_fastagi_that_does_not_answer_costs_its_deadline_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NoAnswer, match=r"did not answer in 0\.1 s"):
        ask("127.0.0.1", server.getsockname()[1], "+74950000101", seconds=0.1)


def test_a_module_that_the_fallback_needs_is_found(running: Cli, installed: Installation) -> None:
    installed.asterisk.cli("module unload app_record.so")
    try:
        state, text, mend = check(running.json("doctor"), "FastAGI")
    finally:
        installed.asterisk.cli("module load app_record.so")
    assert (state, mend) == ("warning", "load in modules.conf: app_record.so")
    assert "without a controller the dialplan cannot serve callers" in text


@pytest.mark.parametrize(("free", "state"), [(10**6, "fault"), (500 * 10**6, "warning"), (10**11, "fine")])
def test_little_space_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert check(cli.json("doctor", code=1), "disk space")[0] == state


def test_a_check_that_breaks_hides_no_other(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3, "encode", lambda _audio: 1 // 0)
    told = cli.json("doctor", code=1)
    assert check(told, "audio")[:2] == (
        "fault",
        "the check itself broke: ZeroDivisionError('integer division or modulo by zero')",
    )
    assert check(told, "database")[0] == "fine"
