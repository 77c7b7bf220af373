"""All of it running, as the tests of the command line have it: their fixtures, under the same names."""

from tests.cli.conftest import bare, cli, demo_database, installed, running  # noqa: F401
