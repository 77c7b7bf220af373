"""A house of its own whose controller is watched, on real Asterisk."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from tests.e2e.house import House, Stage
from tests.monitoring.scraping import Endpoint, free_port

RTP = 41000


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation whose controller runs, and answers at `endpoint`."""
    instance = AsteriskInstance(
        choose(os.environ.get("ASTERISK") or "local"), tmp_path_factory.mktemp("asterisk") / "instance", _settings()
    )
    house = House(tmp_path_factory.mktemp("house"), instance, monitor_port=free_port())
    try:
        house.controller.start()
        yield house
    finally:
        house.close()


@pytest.fixture(scope="session")
def endpoint(watched: House) -> Endpoint:
    """The monitoring endpoint of its controller."""
    return Endpoint(int(str(watched.controller.setting("monitor_port"))))


@pytest.fixture
def stage(watched: House) -> Iterator[Stage]:
    """A story's own phones, numbers and callers."""
    with watched.story() as stage:
        yield stage


def _settings() -> AsteriskSettings:
    with ExitStack() as stack:

        def free(kind: socket.SocketKind, host: str) -> int:
            probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
            probe.bind((host, 0))
            return int(probe.getsockname()[1])

        return AsteriskSettings(
            http_port=free(socket.SOCK_STREAM, "127.0.0.1"),
            sip_port=free(socket.SOCK_DGRAM, "127.0.0.1"),
            lab_port=free(socket.SOCK_DGRAM, "127.0.0.2"),
            agi_port=free(socket.SOCK_STREAM, "127.0.0.1"),
            rtp_start=RTP,
            rtp_end=RTP + 199,
            max_call_seconds=7200,
        )
