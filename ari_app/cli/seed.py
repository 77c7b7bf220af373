"""``ari-app seed``: writes a seed revision from a readable description."""

from __future__ import annotations

from pathlib import Path

import click

from ari_app.cli.faults import Failed
from ari_app.cli.screen import clean, screen
from ari_app.cli.site import env_file_option, settings_of
from ari_app.storage.description import TEMPLATE
from ari_app.storage.revisions import MigrationsMissingError
from ari_app.storage.seeds import SeedError, write_seed


@click.command(short_help="Write a seed from a readable description.")
@click.option("-m", "--message", metavar="TEXT", help="What the seed adds; becomes its name.")
@click.option("--template", is_flag=True, help="Print a description to begin with.")
@click.argument("description", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@env_file_option
def seed(message: str | None, template: bool, description: Path | None, env_file: Path | None) -> None:
    """Write a new seed: a revision that adds the schemes and numbers of DESCRIPTION, a YAML file.

    Every mistake in the description is told with its line; nothing is written then. The seed is applied by
    "ari-app db upgrade --seeds".

    \b
    Examples:
      ari-app seed --template > kyiv.yaml
      ari-app seed -m "Kyiv office" kyiv.yaml
    """
    if template:
        click.echo(TEMPLATE, nl=False)
        return
    if not message or description is None:
        raise click.UsageError('say what the seed adds and where it is described: ari-app seed -m "Kyiv office" FILE')
    settings = settings_of(env_file)
    try:
        written, warnings = write_seed(message, description, rules=settings.dial_policy, region=settings.region)
    except (SeedError, MigrationsMissingError) as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"the seed cannot be written: {error.filename}: {error.strerror}") from None
    for problem in warnings:
        click.secho(f"warning: {problem}", fg="yellow", err=True)
    screen().print(clean(f"written: {written}"))
    screen().print("apply it: ari-app db upgrade --seeds")
