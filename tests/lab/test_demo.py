"""`make run`: its ports, its one instance, its screen and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ari_app.lab import controller, demo
from ari_app.lab.controller import Controller, first_to_end, worth_showing
from ari_app.lab.demo import Ports, are_free, only_one
from ari_app.lab.errors import LabError
from ari_app.lab.ports import Port

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
ENDS_THE_STUBBORN = """
import subprocess, sys
from ari_app.lab.ending import children, end_stragglers
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
assert children() == [child.pid]
end_stragglers(seconds=0.05)
assert children() == []
print("ended")
"""
ENDS_ORDERLY = """
import signal, subprocess, sys
from ari_app.lab.ending import end_on_signals, end_stragglers
end_on_signals()
try:
    child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, start_new_session=True)
    print(child.pid, flush=True)
    child.wait()
except KeyboardInterrupt:
    signal.raise_signal(signal.SIGINT)
    end_stragglers()
    print("stopped", flush=True)
"""


@pytest.fixture(autouse=True)
def ports_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIP_PORT", "HTTP_PORT", "AGI_PORT", "WEB_PORT", "MONITOR_PORT", "RTP_START"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_moves_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIP_PORT", "5070")
    monkeypatch.setenv("RTP_START", "30000")
    settings = Ports.chosen().settings
    assert (settings.sip_port, settings.lab_port, settings.http_port) == (5070, 5070, 8088)
    assert (settings.rtp_start, settings.rtp_end) == (30000, 31999)


@pytest.mark.parametrize("text", ["99", "65536", "x", "-5060", "٥٠٧٠"])
def test_what_is_no_port_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", text)
    with pytest.raises(LabError, match=r"HTTP_PORT is .*: give a port between 1024 and 63000"):
        Ports.chosen()


def free_ports(count: int) -> list[int]:
    """So many that nobody holds, each with two above it free as well: the usual ones may be a running demo's."""
    found: list[int] = []
    for port in range(40_000, 60_000, 10):
        if len(found) < count and are_free([Port("tcp", "127.0.0.1", port + above, "test") for above in range(3)]):
            found.append(port)
    return found


def test_a_taken_port_comes_with_its_holder_and_the_command_that_moves() -> None:
    http, agi, web, monitor = free_ports(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip:
        sip.bind(("127.0.0.2", 0))
        taken = sip.getsockname()[1]
        with pytest.raises(LabError) as refused:
            Ports(sip=taken, http=http, agi=agi, web=web, monitor=monitor).require_free()
    assert f"UDP 127.0.0.2:{taken} (SIP of the lab phones) cannot be used" in str(refused.value)
    assert f"held by process {os.getpid()}" in str(refused.value)
    assert str(refused.value).endswith(f": make run SIP_PORT={taken + 10}")


def test_the_ports_of_metrics_move_together() -> None:
    """The sender's is taken; the controller's and FastAGI's go with it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabError, match=rf"(?s)metrics of the sender.* MONITOR_PORT=\d+{(port - 1) % 10}$"):
            Ports(monitor=port - 1).require_free()


def test_the_first_of_several_parts_to_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "ARI_APP", "/bin/sleep")
    parts = [Controller(tmp_path / seconds, lambda line: None, seconds) for seconds in ("600", "0.1")]
    try:
        assert first_to_end(parts) is parts[1]
    finally:
        for part in parts:
            part.stop()


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "RUN", tmp_path / ".run")
    with only_one(), pytest.raises(LabError, match=f"it runs already, as process {os.getpid()}"), only_one():
        pass
    with only_one():
        assert (tmp_path / ".run").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_what_was_started_and_a_second_one_does_not_disturb(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDS_ORDERLY], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        child = int(running.stdout.readline())
        running.send_signal(number)
        try:
            assert running.stdout.read() == "stopped\n"
            assert not Path(f"/proc/{child}").exists()
        finally:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    assert running.returncode == 0


def test_a_child_that_will_not_go_is_killed() -> None:
    """In a process of its own: what it ends is every child of the process, and pytest has others, such as Asterisks."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_THE_STUBBORN, STUBBORN], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "ended\n"), ended.stderr


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "2026-01-31T08:30:00.123Z INFO    ari_app.service: call 1 from +7 to +7: lost, nobody_answered\n",
            "08:30:00 UTC call 1 from +7 to +7: lost, nobody_answered",
        ),
        (
            "2026-01-31T08:30:00.123Z INFO    ari_app.agi.lookup: no controller: call 1 from +7 to +7: step 1, dial\n",
            "08:30:00 UTC no controller: call 1 from +7 to +7: step 1, dial",
        ),
        ("2026-01-31T08:30:00.123Z INFO    ari_app.service: stopping\n", None),
        ("2026-01-31T08:30:00.123Z WARNING ari_app.x: odd\n", "2026-01-31T08:30:00.123Z WARNING ari_app.x: odd"),
        ("Error: no such option\n", "Error: no such option"),
    ],
)
def test_calls_and_troubles_are_shown_of_the_log(line: str, shown: str | None) -> None:
    assert worth_showing(line) == shown
