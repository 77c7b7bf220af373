"""Asterisk freezes, stops gracefully, is killed, is not there yet: noticed in seconds, and no live call ends by us."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import requests

from ari_app.lab.asterisk import AsteriskInstance
from tests.e2e.house import House, Stage, ring
from tests.e2e.sipp import ticks
from tests.e2e.test_outages import call_that_works
from tests.monitoring.scraping import Endpoint, free_port

NOTICED_SECONDS = 6
"""Three of silence, half of it again for the answer to our ping, and what a scrape and a busy machine take."""
BACK_SECONDS = 2


@pytest.fixture(scope="module")
def rough(new_house: Callable[..., House]) -> House:
    """An installation whose Asterisk the stories stop and start; its controller is watched."""
    return new_house(monitor_port=free_port())


@pytest.fixture
def scene(rough: House) -> Iterator[Stage]:
    """A story with Asterisk and the controller up at its beginning."""
    if rough.asterisk.pid is None:
        rough.asterisk.start()
    if not rough.controller.running:
        rough.controller.start()
    with rough.story() as stage:
        yield stage


@pytest.fixture
def endpoint(rough: House) -> Endpoint:
    """Where its controller is watched."""
    return Endpoint(int(str(rough.controller.setting("monitor_port"))))


@pytest.mark.fault("8")
def test_a_frozen_asterisk_is_noticed_in_seconds_and_a_talk_outlives_it(scene: Stage, endpoint: Endpoint) -> None:
    """Nothing is closed and nothing refused: only our ping goes without an answer."""
    house = scene.house
    if house.asterisk.kind.name == "docker":
        pytest.skip("a signal to the client of Docker stops no container")
    phone = scene.answering()
    caller = scene.call(scene.plan(ring(phone)), talk_ms=12_000)
    caller.connected()
    assert house.asterisk.pid is not None
    mark, frozen_at = house.controller.mark, time.monotonic()
    os.kill(house.asterisk.pid, signal.SIGSTOP)
    try:
        house.controller.said("connection to Asterisk was lost", since=mark, seconds=NOTICED_SECONDS)
        assert time.monotonic() - frozen_at < NOTICED_SECONDS
        [lack] = endpoint.until("/readyz", 503)["lacks"]
        assert lack["what"] == "asterisk"
        assert endpoint.scrape().value("ari_app_ari_connected") == 0
    finally:
        os.kill(house.asterisk.pid, signal.SIGCONT)
    house.controller.said("connected$", since=mark, seconds=BACK_SECONDS + 2)
    assert caller.over().one("BYE").sent, "the caller ended the talk, not we"
    assert caller.journalled().verdict == ("answered", "talked")
    assert endpoint.until("/readyz", 200)["ready"]


def makes_no_channel(asterisk: AsteriskInstance) -> bool:
    """Whether it is past making any: the only sign that it gives of being about to stop."""
    place, who = f"{asterisk.ari_url}/channels/probe", (asterisk.ari_user, asterisk.ari_password)
    asked = {"endpoint": "Local/nobody@nowhere", "app": "nobody", "channelId": "probe"}
    made = requests.post(f"{asterisk.ari_url}/channels/create", params=asked, auth=who, timeout=5)
    requests.delete(place, auth=who, timeout=5)
    return made.status_code == 500


@contextmanager
def stopping_gracefully(asterisk: AsteriskInstance) -> Iterator[None]:
    """Asterisk has been told to stop, and waits for the calls that there are; the command lasts as long as it does."""
    command = asterisk.kind.command(asterisk.instance_dir, ["-rx", "core stop gracefully"])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as telling:
        try:
            for _ in ticks(5):
                if makes_no_channel(asterisk):
                    break
            yield
        finally:
            telling.kill()


@pytest.mark.fault("9")
def test_asterisk_told_to_stop_gracefully_lets_a_talk_finish(scene: Stage) -> None:
    """Whoever calls meanwhile is told 503; the controller takes calls again as soon as there is an Asterisk."""
    house = scene.house
    phone = scene.answering()
    number = scene.plan(ring(phone))
    caller = scene.call(number, talk_ms=3000)
    caller.connected()
    mark = house.controller.mark
    with stopping_gracefully(house.asterisk):
        late = scene.call(number, scenario="caller-refused", status=503)
        assert late.over().final == 503
        scene.callers.remove(late)  # it never got as far as the dialplan, and so has no row
        assert caller.over().one("BYE").sent, "the caller ended the talk, not we"
        assert caller.wire.one("BYE").at - caller.wire.one(200).at > 2.8
        assert caller.journalled().verdict == ("answered", "talked")
        for _ in ticks(10):
            if house.asterisk.pid is None:
                break
        assert house.asterisk.pid is None, "it stops once nobody talks"
    house.asterisk.start()
    house.controller.said("connected$", since=mark, seconds=BACK_SECONDS)
    call_that_works(scene)


@pytest.mark.fault("8")
@pytest.mark.parametrize("was_there", [True, False], ids=["killed", "not-up-yet-at-the-start"])
def test_calls_are_taken_within_two_seconds_of_asterisks_being_up(scene: Stage, was_there: bool) -> None:
    """Up: as soon as ARI answers. Until then SIP is refused or unheard, and the caller's side tries again."""
    house = scene.house
    phone = scene.answering()
    number = scene.plan(ring(phone))
    house.asterisk.kill()
    if not was_there:
        house.controller.stop()
        house.controller.start(until="controller ari-app is running")
    mark = house.controller.mark
    house.asterisk.start()
    up_at = time.time()
    house.controller.said("connected$", since=mark, seconds=BACK_SECONDS)
    caller = scene.call(number, talk_ms=200)
    assert caller.over().final == 200
    assert phone.wire.one("INVITE").at - up_at < BACK_SECONDS + 1
    assert caller.journalled().verdict == ("answered", "talked")
