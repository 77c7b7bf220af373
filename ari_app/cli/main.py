"""The command line: one group, its commands each in a module of their own."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

from ari_app import __version__

COMMANDS = (
    "serve",
    "sender",
    "agi",
    "web",
    "call",
    "conformance",
    "simulate",
    "replay",
    "calls",
    "report",
    "numbers",
    "schemes",
    "callers",
    "managers",
    "greetings",
    "rules",
    "types",
    "messages",
    "clients",
    "tickets",
    "users",
    "roles",
    "doctor",
    "db",
    "seed",
)
"""In the order in which help lists them: what is used most comes first. Each is the attribute of a module, both of its
name unless `MODULES` says otherwise."""
MODULES = {"numbers": "schemes"}


class InOrder(click.Group):
    """Lists commands in the order of `COMMANDS`, and imports a command when it is called: its libraries take longer to
    load than most commands to run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ari_app.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run; a name that the terminal's encoding cannot show must not end a command."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **extra)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ari-app")
def main() -> None:
    """Decides what happens to a phone call, and tells why.

    Settings are environment variables ARI_APP_..., or a file called ari-app.env of them. Exit codes: 0 fine, 1 the
    answer is no or the work failed, 2 the command line or the settings are wrong.

    \b
    Examples:
      ari-app simulate --to +74950000101 --outcome busy,answer@7
      ari-app call --to +74950000101
      ari-app calls show last
      ari-app doctor
    """
