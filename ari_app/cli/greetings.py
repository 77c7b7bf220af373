"""``ari-app greetings``: the team's own prompts, checked and put where Asterisk plays them from."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from ari_app.audio import mp3, wav
from ari_app.cli.faults import Failed, WrongSettings
from ari_app.cli.screen import clean, json_option, print_json, screen, table
from ari_app.cli.site import changing, env_file_option, reading, settings_of
from ari_app.settings import Settings
from ari_app.storage import schema
from ari_app.voicemail import GREETING_SECONDS

OWN = "own"
"""The part of the sound catalogue that uploads are in; Asterisk knows it as ``ari-app/own``."""
HASH_DIGITS = 32
"""Hexadecimal ones of the SHA-256 of the wav that Asterisk plays: its name."""
MOST_BYTES = 5 * 1024 * 1024
_MP3 = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")


class UploadRefused(ValueError):
    """The file cannot be a greeting; the message says what is wrong with it and how to mend it."""


def checked(path: Path) -> wav.Audio:
    """The audio of an upload, told by its content, whatever its name: wav, mono, 16 bit, 8000 Hz, or mp3; 60 s and 5 MB
    at most.

    Raises:
        UploadRefused: it is anything else.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UploadRefused(f"{path} has {size / 1024 / 1024:.1f} MB; a greeting has 5 MB at most: shorten it")
        content = path.read_bytes()
    except OSError as error:
        raise UploadRefused(f"{path} cannot be read: {error.strerror}") from None
    try:
        audio = _of_mp3(path, content) if content.startswith(_MP3) else wav.read(content)
    except wav.NotAudio as error:
        raise UploadRefused(f"{path}: {error}; convert it: {_convert(path)}") from None
    if not len(audio.samples):
        raise UploadRefused(f"{path} has no sound in it: record it again")
    _require_short(path, audio.seconds)
    return audio


def _of_mp3(path: Path, content: bytes) -> wav.Audio:
    _require_short(path, mp3.seconds_of(content))  # a small file may be hours long
    return mp3.decode(content)


def _require_short(path: Path, seconds: float) -> None:
    if seconds > GREETING_SECONDS:
        raise UploadRefused(
            f"{path} lasts {seconds:.1f} s; callers hear {GREETING_SECONDS} s of a greeting at most: shorten it, "
            f"such as by sox {path.name} {path.stem}-short.wav trim 0 {GREETING_SECONDS}"
        )


def _convert(path: Path) -> str:
    return f"sox {path.name} -r 8000 -c 1 -b 16 {path.stem}-8k.wav"


@click.group(short_help="List, add and remove greetings.")
def greetings() -> None:
    """Greetings: those that ship with the product, and the team's own.

    \b
    Examples:
      ari-app greetings list
      ari-app greetings add "Sales welcome" welcome.wav --team Sales
      ari-app greetings remove "Sales welcome"
    """


@greetings.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--team", metavar="NAME", help="Whose own it is; everybody's unless given.")
@env_file_option
def add(name: str, file: Path, team: str | None, env_file: Path | None) -> None:
    """Add the recording FILE as the greeting NAME; steps then play it by that name.

    FILE is a wav with one channel, 16 bits and 8000 Hz, or an mp3, of 60 seconds and 5 MB or less. It is told by its
    content, whatever its name, and is kept once, under the hash of its sound.

    \b
    Examples:
      ari-app greetings add "Sales welcome" welcome.wav --team Sales
      ari-app greetings add "Talk" talk.mp3
    """
    settings = settings_of(env_file)
    folder = _folder(settings)
    try:
        audio = checked(file)
    except UploadRefused as error:
        raise Failed(str(error)) from None
    sound = wav.write(audio)
    slug = hashlib.sha256(sound).hexdigest()[:HASH_DIGITS]
    with changing(settings) as connection:
        row = {"name": name, "sound": f"{OWN}/{slug}", "team_id": _team_id(connection, team)}
        connection.execute(sa.insert(schema.greetings).values(**row))
        # Before the commit: a row never names a file that is not there; a file without a row harms nobody.
        _store(folder, slug, sound)
    screen().print(clean(f"greeting {name!r} is added, {audio.seconds:.1f} s: {folder / slug}.wav"))


def _folder(settings: Settings) -> Path:
    if settings.greetings_folder is None:
        raise WrongSettings(
            "ARI_APP_GREETINGS_FOLDER is not set; give the folder that Asterisk knows as the sounds ari-app/own, "
            "such as /usr/share/asterisk/sounds/ari-app/own"
        )
    return settings.greetings_folder


def _store(folder: Path, slug: str, sound: bytes) -> None:
    """Whole or not at all, and readable for Asterisk, which runs as a user of its own."""
    aside = folder / f".{slug}-{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        aside.write_bytes(sound)
        aside.chmod(0o644)
        os.replace(aside, folder / f"{slug}.wav")
    except OSError as error:
        raise Failed(f"the greeting cannot be stored in {folder}: {error.strerror}; see ari-app doctor") from None


def _team_id(connection: sa.Connection, team: str | None) -> int | None:
    if team is None:
        return None
    found: int | None = connection.scalar(sa.select(schema.teams.c.id).where(schema.teams.c.name == team))
    if found is None:
        names = ", ".join(connection.scalars(sa.select(schema.teams.c.name).order_by(schema.teams.c.name))) or "none"
        raise Failed(f"there is no team {team!r}; those there are: {names}")
    return found


@greetings.command("list")
@json_option
@env_file_option
def list_greetings(as_json: bool, env_file: Path | None) -> None:
    """List every greeting: its sound, its team, how many steps play it.

    \b
    Examples:
      ari-app greetings list
      ari-app greetings list --json | jq -r '.greetings[].name'
    """
    settings = settings_of(env_file)
    with reading(settings) as connection:
        rows = [_row(row._asdict(), settings) for row in connection.execute(_GREETINGS)]
    if as_json:
        print_json({"greetings": rows})
        return
    shown = table("greeting", "team", "sound", "steps", "file", right=("steps",))
    for row in rows:
        team, state = clean(row["team"] or ""), _file_state(row)
        shown.add_row(clean(row["name"], "bold"), team, clean(row["sound"]), str(row["steps"]), state)
    screen().print(shown if rows else "No greetings of your own yet; those that ship with the product need no row.")


_GREETINGS = (
    sa.select(
        schema.greetings.c.name,
        schema.teams.c.name.label("team"),
        schema.greetings.c.sound,
        sa.func.count(schema.steps.c.id).label("steps"),
    )
    .select_from(schema.greetings.outerjoin(schema.teams).outerjoin(schema.steps))
    .group_by(schema.greetings.c.id, schema.greetings.c.name, schema.teams.c.name, schema.greetings.c.sound)
    .order_by(schema.greetings.c.name)
)


def _row(row: dict[str, Any], settings: Settings) -> dict[str, Any]:
    path = _path(row["sound"], settings)
    return {**row, "file": str(path) if path else None, "file_exists": path.is_file() if path else None}


def _file_state(row: dict[str, Any]) -> Any:
    if row["file"] is None:
        return clean("ships with the product" if not row["sound"].startswith(f"{OWN}/") else "")
    return clean("there", "green") if row["file_exists"] else clean("missing", "bold red")


def _path(sound: str, settings: Settings) -> Path | None:
    """Where an own greeting's file is; None for those that ship with the product."""
    folder, slug = settings.greetings_folder, sound.removeprefix(f"{OWN}/")
    return folder / f"{slug}.wav" if folder and slug != sound and "/" not in slug else None


@greetings.command()
@click.argument("name")
@env_file_option
def remove(name: str, env_file: Path | None) -> None:
    """Remove the greeting NAME, and its file unless another greeting sounds the same; refused while a step plays it.

    \b
    Example:
      ari-app greetings remove "Sales welcome"
    """
    settings = settings_of(env_file)
    with changing(settings) as connection:
        wanted = schema.greetings.c.name == name
        sound = connection.scalar(sa.select(schema.greetings.c.sound).where(wanted))
        if sound is None:
            raise Failed(f"there is no greeting {name!r}; ari-app greetings list shows those there are")
        connection.execute(sa.delete(schema.greetings).where(wanted))
        others = connection.scalar(sa.select(sa.func.count()).where(schema.greetings.c.sound == sound))
    path = None if others else _path(sound, settings)
    try:
        if path:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise Failed(f"the greeting is removed, but its file {path} is not: {error.strerror}") from None
    screen().print(clean(f"greeting {name!r} is removed"))
