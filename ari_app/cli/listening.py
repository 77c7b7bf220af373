"""``ari-app calls play``: the message that a caller left, as a file, or to be heard at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import click

from ari_app.cli.desks import Counter, counter_options
from ari_app.cli.faults import Failed
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.desk.recordings import Heard, RecordingDesk

PLAYERS = (
    ("mpv", "--no-video", "--really-quiet"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("play", "-q"),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
)
"""Programs that play a wav on a terminal's machine, with what keeps them quiet; the first that is there is taken."""


@click.command()
@click.argument("call_id", metavar="ID")
@click.option("--output", type=click.Path(path_type=Path, writable=True), help="Copy it there; the ending may be wav.")
@click.option("--play", "aloud", is_flag=True, help="Play it on this machine.")
@click.option("--message", "place", type=click.IntRange(1), default=1, show_default=True, help="Which, of several.")
@json_option
@counter_options
def play(*, call_id: str, output: Path | None, aloud: bool, place: int, as_json: bool, counter: Counter) -> None:
    """Find the message that was left in a call: print its file, copy it, or play it. Each asking is written down.

    ID is the call's id, a beginning of it that no other call has, or "last": the last call in which one was left.

    \b
    Examples:
      ari-app calls play last
      ari-app calls play 20260131-0830 --output message.mp3
      ari-app calls play last --play
    """
    with counter.changing() as (connection, actor):
        found = RecordingDesk(connection, actor, counter.terms).of_call(call_id)
    if place > len(found):
        raise Failed(f"the call has {len(found)} message{'s' * (len(found) != 1)}, and no {place}th")
    heard = found[place - 1]
    if output is not None:
        _copy(heard, output)
    if as_json:
        print_json({"messages": [{**asdict(one), "files": _named(one)} for one in found]})
    elif not aloud:
        path = output or next(iter(heard.files.values()))
        screen().print(clean(f"{path}  {heard.seconds:.1f} s"))
    if aloud:
        _play(heard)


def _named(heard: Heard) -> dict[str, str]:
    return {ending: str(path) for ending, path in heard.files.items()}


def _copy(heard: Heard, output: Path) -> None:
    """A copy for the eyes of whoever made it; of the ending that is asked for, where there is that."""
    source = heard.files.get(output.suffix.lstrip(".").lower())
    if source is None:
        there_are = " or ".join(f".{ending}" for ending in heard.files)
        raise Failed(f"{output} must end in {there_are}: the message is there as that")
    try:
        with (
            source.open("rb") as audio,
            os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        ):
            shutil.copyfileobj(audio, file)
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}") from None


def _play(heard: Heard) -> None:
    path = heard.files.get("wav") or heard.files["mp3"]
    for name, *options in PLAYERS:
        program = shutil.which(name)
        if program:
            done = subprocess.run([program, *options, str(path)], check=False)  # noqa: S603  # a fixed list of players
            if done.returncode:
                raise Failed(f"{name} could not play {path} (exit code {done.returncode}); copy it: --output FILE")
            return
    names = ", ".join(player[0] for player in PLAYERS)
    raise Failed(f"there is no player on this machine (looked for {names}); copy the message: --output FILE")
