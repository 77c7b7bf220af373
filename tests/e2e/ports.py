"""Free ports for an Asterisk of the tests' own."""

import socket
from contextlib import ExitStack

from ari_app.lab.asterisk import AsteriskSettings


def on_free_ports(app: str, rtp_start: int, rtp_ports: int = 100) -> AsteriskSettings:
    """Settings of an Asterisk whose ports nobody has now."""
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
            agi_port=free(socket.SOCK_STREAM, "127.0.0.1"),
            rtp_start=rtp_start,
            rtp_end=rtp_start + rtp_ports - 1,
        )
