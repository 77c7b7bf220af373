"""The command line: one group, its commands each in a module of their own."""

from __future__ import annotations

import click

from ari_app import __version__
from ari_app.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ari-app")
def main() -> None:
    """Decides what happens to a phone call, and tells why."""


main.add_command(serve)
