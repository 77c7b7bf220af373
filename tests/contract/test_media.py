"""Playbacks and recordings: what ends them, what blocks while they last, and what never says so."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from ari_app.ari.errors import Conflict, NotFound, RequestTimeout, ServerError, Unprocessable
from tests.contract.rigs import Rig


@pytest.fixture
def name() -> str:
    """A recording's name that no other test has used."""
    return f"message-{uuid.uuid4().hex}"


async def test_a_sound_ends_by_itself(rig: Rig) -> None:
    """PlaybackFinished, done."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    finished = rig.watch.next("PlaybackFinished", "p-short")
    await rig.client.channels.play(inbound, rig.world.sound("short", 0.2), "p-short")
    assert (await finished)["playback"]["state"] == "done"


async def test_a_sound_can_be_stopped(rig: Rig) -> None:
    """At once, and it says so."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await rig.client.channels.play(inbound, rig.world.sound("long", 9), "p-long")
    finished = rig.watch.next("PlaybackFinished", "p-long")
    await rig.client.playbacks.stop("p-long")
    await finished
    with pytest.raises(NotFound):
        await rig.client.playbacks.stop("p-long")


async def test_a_missing_sound_fails(rig: Rig) -> None:
    """PlaybackFinished, failed, for a file that is not there."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    finished = rig.watch.next("PlaybackFinished", "p-missing")
    await rig.client.channels.play(inbound, "sound:no-such-file", "p-missing")
    assert (await finished)["playback"]["state"] == "failed"


@pytest.mark.parametrize("media", ["recording:no-such-recording", "bogus:thing"])
async def test_a_bad_media_uri_never_finishes(rig: Rig, media: str) -> None:
    """It is accepted, and nothing is ever said of it, though the sound after it has come and gone."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await rig.client.channels.play(inbound, media, "p-bad")
    after = rig.watch.next("PlaybackFinished", "p-after")
    await rig.client.channels.play(inbound, rig.world.sound("short", 0.2), "p-after")
    await after
    assert "PlaybackFinished" not in rig.watch.kinds("p-bad")


async def test_a_prompt_before_the_answer_gives_early_media(rig: Rig) -> None:
    """183, not 200: the caller is not charged for it."""
    calling, inbound = await rig.inbound()
    finished = rig.watch.next("PlaybackFinished", "p-early")
    await rig.client.channels.play(inbound, rig.world.sound("short", 0.2), "p-early")
    await finished
    assert "183" in calling.end.seen
    assert "200" not in calling.end.seen


async def test_what_blocks_while_a_sound_plays_does_not_block_the_others(rig: Rig) -> None:
    """answer waits for the sound; a request behind it waits on the websocket; those half a second later use HTTP."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    finished = rig.watch.next("PlaybackFinished", "p-block")
    await rig.client.channels.play(inbound, rig.world.sound("blocking", 1.2), "p-block")
    blocked, behind = rig.client.channels.answer(inbound), rig.client.asterisk.ping()
    await asyncio.wait([behind], timeout=rig.settings.slow_after + 0.1)
    assert not behind.done()
    over_http = rig.ari.rest.sent_over_http
    assert (await rig.client.asterisk.ping())["ping"] == "pong"
    assert not behind.done()
    await finished
    await asyncio.gather(blocked, behind)
    assert rig.ari.rest.sent_over_http == over_http + 1
    await rig.client.asterisk.ping()
    assert rig.ari.rest.sent_over_http == over_http + 1, "the websocket has drained and is used again"


async def test_a_blocked_request_has_a_deadline_of_its_own(rig: Rig) -> None:
    """RequestTimeout, and the outcome unknown: it is not repeated, and a late answer harms nothing."""
    _, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await rig.client.channels.play(inbound, rig.world.sound("blocking", 1.2), "p-late")
    with pytest.raises(RequestTimeout):
        await rig.client.send("POST", "channels", inbound, "answer", timeout=0.2)
    finished = rig.watch.next("PlaybackFinished", "p-late")
    await asyncio.wait([finished], timeout=rig.settings.slow_after)
    over_http = rig.ari.rest.sent_over_http
    await rig.client.asterisk.ping()
    assert rig.ari.rest.sent_over_http == over_http + 1, "the websocket is still held up by what timed out"
    await finished
    assert (await rig.client.asterisk.ping())["ping"] == "pong"


async def test_a_caller_who_leaves_frees_what_waited_for_his_sound(rig: Rig) -> None:
    """The blocked answer fails at once."""
    calling, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await calling.end.until("200")
    await rig.client.channels.play(inbound, rig.world.sound("long", 9), "p-left")
    blocked = rig.client.channels.answer(inbound)
    await asyncio.wait([blocked], timeout=0.1)
    calling.hang_up()
    with pytest.raises(ServerError):
        await blocked


async def test_a_recording_answers_and_is_kept(rig: Rig, name: str) -> None:
    """It ends on its key; the file is there, with a length of its own."""
    calling, inbound = await rig.inbound()
    await rig.client.channels.record(inbound, name, max_duration_seconds=9, terminate_on="#")
    await calling.end.until("200")
    finished = rig.watch.next("RecordingFinished", name)
    await asyncio.wait([finished], timeout=0.3)
    calling.press("#")
    assert (await finished)["recording"]["state"] == "done"
    kept = await rig.client.recordings.file(name)
    assert kept[:4] == b"RIFF"
    assert (rig.world.recordings / f"{name}.wav").read_bytes() == kept
    await rig.client.recordings.delete(name)
    with pytest.raises(NotFound, match="404 Recording not found"):
        await rig.client.recordings.file(name)


async def test_a_recording_ends_at_its_longest(rig: Rig, name: str) -> None:
    """max_duration_seconds."""
    _, inbound = await rig.inbound()
    finished = rig.watch.next("RecordingFinished", name)
    await rig.client.channels.record(inbound, name, max_duration_seconds=1)
    await finished


async def test_a_recording_ends_when_it_is_stopped(rig: Rig, name: str) -> None:
    """And cannot be stopped twice."""
    _, inbound = await rig.inbound()
    finished = rig.watch.next("RecordingFinished", name)
    await rig.client.channels.record(inbound, name, max_duration_seconds=9)
    await rig.client.recordings.stop(name)
    await finished
    with pytest.raises(NotFound):
        await rig.client.recordings.stop(name)


async def test_a_recording_ends_with_the_caller(rig: Rig, name: str) -> None:
    """One who sent no sound at all: RecordingFailed, not Finished, before StasisEnd, and no file."""
    calling, inbound = await rig.inbound()
    failed, over = rig.watch.next("RecordingFailed", name), rig.watch.next("StasisEnd", inbound)
    await rig.client.channels.record(inbound, name, max_duration_seconds=9)
    await calling.end.until("200")
    calling.hang_up()
    assert (await failed)["recording"]["state"] == "failed"
    await over
    assert not (rig.world.recordings / f"{name}.wav").exists()


async def test_a_recording_name_in_use_is_a_conflict(rig: Rig, name: str) -> None:
    """Live or stored."""
    _, inbound = await rig.inbound()
    _, other = await rig.inbound("200")
    await rig.client.channels.record(inbound, name, max_duration_seconds=9)
    with pytest.raises(Conflict):
        await rig.client.channels.record(other, name, max_duration_seconds=9)
    finished = rig.watch.next("RecordingFinished", name)
    await rig.client.recordings.stop(name)
    await finished
    with pytest.raises(Conflict):
        await rig.client.channels.record(other, name, max_duration_seconds=9)


async def test_a_format_that_asterisk_cannot_write_is_refused(rig: Rig, name: str) -> None:
    """mp3 is made elsewhere."""
    _, inbound = await rig.inbound()
    with pytest.raises(Unprocessable):
        await rig.client.channels.record(inbound, name, format="mp3", max_duration_seconds=9)


async def test_keys_are_heard(rig: Rig) -> None:
    """ChannelDtmfReceived."""
    calling, inbound = await rig.inbound()
    await rig.client.channels.answer(inbound)
    await calling.end.until("200")
    heard = rig.watch.next("ChannelDtmfReceived", inbound)
    calling.press("5")
    assert (await heard)["digit"] == "5"
