"""The command line: one group, its commands each in a module of their own."""

from __future__ import annotations

import io
import sys
from typing import Any

import click

from ari_app import __version__
from ari_app.cli.call import call
from ari_app.cli.calls import calls
from ari_app.cli.db import db
from ari_app.cli.doctor import doctor
from ari_app.cli.greetings import greetings
from ari_app.cli.schemes import numbers, schemes
from ari_app.cli.seed import seed
from ari_app.cli.serve import serve
from ari_app.cli.simulate import simulate

COMMANDS = (serve, call, simulate, calls, numbers, schemes, greetings, doctor, db, seed)
"""In the order in which help lists them: what is used most comes first."""


class InOrder(click.Group):
    """Lists its commands as they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return list(self.commands)

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


for _command in COMMANDS:
    main.add_command(_command)
