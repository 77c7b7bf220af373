"""How a command fails: the message goes to stderr, the exit code says whose fault it was."""

from __future__ import annotations

import click

EXIT_NO = 1
"""The answer is no, or the work failed."""
EXIT_USAGE = 2
"""The command line or the settings are wrong; nothing was tried."""


class Failed(click.ClickException):
    """The work failed, or the answer is no; the message says why and how to mend it. Exit code 1."""

    exit_code = EXIT_NO


class WrongSettings(click.ClickException):
    """The settings keep the command from beginning; the message has the variable's name. Exit code 2."""

    exit_code = EXIT_USAGE
