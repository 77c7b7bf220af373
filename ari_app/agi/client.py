"""Asks a FastAGI server as Asterisk does, and reads which channel variables it would set; for checks."""

from __future__ import annotations

import re
import socket
import time

SECONDS = 2.0
_SET = re.compile(r'SET VARIABLE (\w+) "([^"]*)"')
MOST_COMMANDS = 100
CHECK = "check"
"""The unique id of no call: it is asked to see whether there is an answer."""


class NoAnswer(Exception):
    """The server could not be asked, or did not answer as ours does; the message says why."""


def ask(host: str, port: int, dialled: str, seconds: float = SECONDS) -> dict[str, str]:
    """The channel variables of a first lookup for ``dialled``. Raises NoAnswer; blocks at most ``seconds``."""
    give_up = time.monotonic() + seconds
    headers = {
        "agi_network": "yes",
        "agi_network_script": "lookup",
        "agi_uniqueid": CHECK,
        "agi_callerid": "unknown",
        "agi_extension": dialled,
    }
    told: dict[str, str] = {}
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection, connection.makefile("rwb") as lines:
            lines.write("".join(f"{name}: {value}\n" for name, value in headers.items()).encode() + b"\n")
            lines.flush()
            for _ in range(MOST_COMMANDS):
                connection.settimeout(max(0.01, give_up - time.monotonic()))
                line = lines.readline(4096).decode("utf-8", "replace")
                if not line:
                    break
                if not (match := _SET.fullmatch(line.rstrip("\n"))):
                    raise NoAnswer("what listens there is no FastAGI server of ours")
                told[match[1]] = match[2]
                lines.write(b"200 result=1\n")
                lines.flush()
    except TimeoutError:
        raise NoAnswer(f"it did not answer in {seconds:g} s") from None
    except OSError as error:
        raise NoAnswer(error.strerror or str(error)) from None
    if not told.get("ARI_APP_ACTION"):
        raise NoAnswer("it closed the connection without an answer; its log says why")
    return told
