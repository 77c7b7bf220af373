"""`greetings`: what is taken, what is refused and why, and where it is put."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ari_app.audio import wav
from tests.cli.conftest import Cli

WavFile = Callable[..., Path]


@pytest.fixture
def own(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of own greetings."""
    folder = tmp_path / "sounds" / "own"
    monkeypatch.setenv("ARI_APP_GREETINGS_FOLDER", str(folder))
    return folder


def names(cli: Cli) -> list[str]:
    """The greetings there are, but for the demo's."""
    listed = cli.json("greetings", "list")["greetings"]
    return [row["name"] for row in listed if not row["name"].startswith("Demo ")]


@pytest.mark.promise("CAL-10")
def test_a_greeting_is_stored_where_asterisk_may_read_it(cli: Cli, own: Path, wav_file: WavFile) -> None:
    mask = os.umask(0o077)
    try:
        cli("greetings", "add", "Приёмная: sales/../'x'", str(wav_file()), "--team", "Demo sales")
    finally:
        os.umask(mask)
    (row,) = [row for row in cli.json("greetings", "list")["greetings"] if row["file"]]
    assert re.fullmatch(r"own/[0-9a-f]{32}", row["sound"])
    assert (row["team"], row["steps"], row["file_exists"]) == ("Demo sales", 0, True)
    (file,) = own.iterdir()
    assert file == Path(row["file"])
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_greeting_of_just_the_longest_is_taken(cli: Cli, own: Path, wav_file: WavFile) -> None:
    cli("greetings", "add", "Sales", str(wav_file(seconds=60)))
    assert names(cli) == ["Sales"]
    assert len(list(own.iterdir())) == 1


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"channels": 2}, "PCM, stereo, 8000 Hz, 16 bit"),
        ({"rate": 44100}, "PCM, mono, 44100 Hz"),
        ({"seconds": 0}, "has no sound in it"),
        ({"seconds": 61}, "lasts 61.0 s; callers hear 60 s of a greeting at most: shorten it, such as by sox"),
        ({"seconds": 330}, "has 5.0 MB; a greeting has 5 MB at most"),
    ],
)
@pytest.mark.promise("RNG-18")
def test_a_wav_of_another_shape_is_refused(
    cli: Cli, own: Path, wav_file: WavFile, shape: dict[str, int], said: str
) -> None:
    assert said in cli("greetings", "add", "Sales", str(wav_file(**shape)), code=1).stderr
    assert names(cli) == []
    assert not own.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"ID3\x04\x00 and so on", "the file is no mp3 that can be read; convert it: sox"),
        (b"\xff\xfb\x90\x00", "the file is no mp3"),
        (b"OggS and so on", "the file is not a wav"),
        (b"RIFF", "the file is not a wav"),
        (b"", "the file is empty"),
    ],
)
@pytest.mark.promise("RNG-18")
def test_what_is_no_sound_is_refused(cli: Cli, own: Path, tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "greeting.bin"
    file.write_bytes(content)
    assert said in cli("greetings", "add", "Sales", str(file), code=1).stderr


@pytest.mark.promise("RNG-18")
def test_an_mp3_is_stored_as_asterisk_plays_it(cli: Cli, own: Path, mp3_file: WavFile) -> None:
    assert "1.6 s" in cli("greetings", "add", "Sales", str(mp3_file())).stdout, "an mp3 is filled up to whole frames"
    (file,) = own.iterdir()
    audio = wav.read(file.read_bytes())
    assert audio.seconds == pytest.approx(1.5, abs=0.1)
    spectrum = np.abs(np.fft.rfft(audio.samples[: 8 * 1000]))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2), "as high as it was"
    assert audio.voiced_seconds > 1.3


@pytest.mark.promise("RNG-18")
def test_an_mp3_that_lasts_too_long_is_refused_however_small_it_is(cli: Cli, own: Path, mp3_file: WavFile) -> None:
    assert "callers hear 60 s" in cli("greetings", "add", "Sales", str(mp3_file(61)), code=1).stderr
    assert not own.exists()


def test_one_sound_is_kept_once_for_all_greetings_that_have_it(cli: Cli, own: Path, wav_file: WavFile) -> None:
    cli("greetings", "add", "Sales", str(wav_file()))
    cli("greetings", "add", "Support", str(wav_file("another.wav")))
    assert len(list(own.iterdir())) == 1
    cli("greetings", "remove", "Sales")
    assert len(list(own.iterdir())) == 1
    cli("greetings", "remove", "Support")
    assert list(own.iterdir()) == []


def test_a_second_of_the_same_name_is_refused_and_leaves_no_file(cli: Cli, own: Path, wav_file: WavFile) -> None:
    cli("greetings", "add", "Sales", str(wav_file()))
    assert "A greeting of this name exists" in cli("greetings", "add", "Sales", str(wav_file()), code=1).stderr
    assert len(list(own.iterdir())) == 1


def test_a_greeting_is_removed_with_its_file_unless_a_step_plays_it(cli: Cli, own: Path, wav_file: WavFile) -> None:
    cli("greetings", "add", "Sales", str(wav_file()))
    cli.sql("UPDATE steps SET greeting_id = (SELECT id FROM greetings WHERE name = 'Sales') WHERE kind = 'voicemail'")
    assert "A step plays this greeting" in cli("greetings", "remove", "Sales", code=1).stderr
    assert len(list(own.iterdir())) == 1
    cli.sql("UPDATE steps SET greeting_id = NULL WHERE kind = 'voicemail'")
    cli("greetings", "remove", "Sales")
    assert list(own.iterdir()) == []
    assert "there is no greeting 'Sales'" in cli("greetings", "remove", "Sales", code=1).stderr


def test_a_file_that_went_missing_is_seen(cli: Cli, own: Path, wav_file: WavFile) -> None:
    cli("greetings", "add", "Sales", str(wav_file()))
    for file in own.iterdir():
        file.unlink()
    line = next(line for line in cli("greetings", "list").stdout.splitlines() if line.startswith("Sales"))
    assert line.endswith("missing")


def test_a_folder_or_team_that_is_not_there_is_named(
    cli: Cli, own: Path, wav_file: WavFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cli("greetings", "add", "Sales", str(wav_file()), "--team", "Nobody", code=1)
    assert "there is no team 'Nobody'; those there are: Demo sales, Demo support" in refused.stderr
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ARI_APP_GREETINGS_FOLDER", str(tmp_path / "file" / "own"))
    assert "the greeting cannot be stored in" in cli("greetings", "add", "Sales", str(wav_file()), code=1).stderr
    assert names(cli) == []
    monkeypatch.delenv("ARI_APP_GREETINGS_FOLDER")
    assert "ARI_APP_GREETINGS_FOLDER is not set" in cli("greetings", "add", "Sales", str(wav_file()), code=2).stderr
