"""One Asterisk for the whole session: real, of the kind that ASTERISK names or else a root file system."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose


@pytest.fixture(scope="session")
def new_asterisk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AsteriskInstance]:
    """Makes an Asterisk for the application named: not started yet, its directory and ports its own."""
    kind = choose(os.environ.get("ASTERISK") or "local")
    starts = iter(range(20000, 20500, 100))

    def make(app: str) -> AsteriskInstance:
        directory = tmp_path_factory.mktemp("asterisk") / "instance"
        return AsteriskInstance(kind, directory, _on_free_ports(app, next(starts)))

    return make


@pytest.fixture(scope="session")
def asterisk(new_asterisk: Callable[[str], AsteriskInstance]) -> Iterator[AsteriskInstance]:
    """A running Asterisk, the lab in it: `.ari_url`, `.ari_user`, `.ari_password`, `.instance_dir`, `.sip_address`."""
    with new_asterisk("ari-app") as instance:
        yield instance


def _on_free_ports(app: str, rtp_start: int) -> AsteriskSettings:
    with ExitStack() as stack:

        def free(kind: socket.SocketKind, host: str) -> int:
            probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
            probe.bind((host, 0))
            return int(probe.getsockname()[1])

        return AsteriskSettings(
            app=app,
            http_port=free(socket.SOCK_STREAM, "127.0.0.1"),
            sip_port=free(socket.SOCK_DGRAM, "127.0.0.1"),
            lab_port=free(socket.SOCK_DGRAM, "127.0.0.2"),
            rtp_start=rtp_start,
            rtp_end=rtp_start + 99,
        )
