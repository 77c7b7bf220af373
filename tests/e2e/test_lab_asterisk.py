"""The lab's Asterisk: each phone ends as its name says, a call without a controller is told so, abuse is refused."""

import asyncio
import base64
import json
import time
import wave
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from ari_app.lab.errors import LabError
from tests.e2e.softphone import Phone, header

Event = dict[str, Any]
OURS = "+74950000101"


# --- a controller's view, over ARI -----------------------------------------------------------------------------------


@dataclass
class Ari:
    """An event websocket and plain HTTP, as a controller has them."""

    http: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    url: str

    async def ask(self, method: str, path: str, **parameters: str) -> int:
        """The status of one request."""
        async with self.http.request(method, self.url + path, params=parameters) as answer:
            return answer.status

    async def event(self, wanted: Callable[[Event], bool], seconds: float = 5) -> Event:
        """The next event that is wanted."""
        async with asyncio.timeout(seconds):
            async for message in self.socket:
                event: Event = json.loads(message.data)
                if wanted(event):
                    return event
        raise AssertionError("the event socket closed")


@asynccontextmanager
async def connected(asterisk: AsteriskInstance, app: str, *, all_events: bool = False) -> AsyncIterator[Ari]:
    """An application connected to ARI."""
    token = base64.b64encode(f"{asterisk.ari_user}:{asterisk.ari_password}".encode()).decode()
    async with aiohttp.ClientSession(headers={"Authorization": f"Basic {token}"}) as http:
        query = {"app": app, "subscribeAll": str(all_events).lower()}
        async with http.ws_connect(asterisk.ari_url + "/events", params=query) as events:
            yield Ari(http, events, asterisk.ari_url)


def channels(asterisk: AsteriskInstance) -> list[Event]:
    """What ARI lists now."""
    answer = requests.get(
        asterisk.ari_url + "/channels", auth=(asterisk.ari_user, asterisk.ari_password), timeout=5
    ).json()
    assert isinstance(answer, list)
    return answer


# --- telephones -------------------------------------------------------------------------------------------------------


@pytest.fixture
def caller(asterisk: AsteriskInstance) -> Iterator[Phone]:
    """A caller on the demo's trunk."""
    phone = Phone(asterisk)
    yield phone
    phone.close()


@pytest.fixture
def called(asterisk: AsteriskInstance) -> Iterator[Phone]:
    """A phone dialled as PJSIP/test-phone; one second without RTP from it ends its calls."""
    phone = Phone(asterisk, "127.0.0.11")
    asterisk.add(
        "pjsip.d/test-phone.conf",
        f"[test-phone](lab-phone)\naors = test-phone\nrtp_timeout = 1\n"
        f"[test-phone]\ntype = aor\ncontact = sip:127.0.0.11:{phone.port}\n",
    )
    asterisk.cli("module reload res_pjsip.so")
    yield phone
    phone.close()


# --- lab phones ------------------------------------------------------------------------------------------------------


@dataclass
class Ending:
    """How one leg ended: Q.850 cause and SIP status of ChannelDestroyed, whether it rang, seconds to its answer."""

    cause: int
    sip: int | None
    rang: bool
    answered_after: float | None


ENDINGS = {
    "PJSIP/lab-busy": (17, 486),
    "PJSIP/lab-declines": (21, 603),
    "PJSIP/lab-unknown": (1, 404),
    "PJSIP/+79160000486@lab-trunk": (17, 486),
    "PJSIP/+79160000603@lab-trunk": (21, 603),
    "PJSIP/+79160000404@lab-trunk": (1, 404),
    "PJSIP/+79160000408@lab-trunk": (18, 408),
    "PJSIP/+79160000503@lab-trunk": (34, 503),
    "PJSIP/+79169999999@lab-trunk": (1, 404),
}
RINGERS = ("PJSIP/lab-never", "PJSIP/lab-answers-10", "PJSIP/+79160000480@lab-trunk")
ANSWERERS = {
    "PJSIP/lab-answers": 3,
    "PJSIP/lab-carrier": 0,
    "PJSIP/+79160000003@lab-trunk": 3,
    "PJSIP/+79160000200@lab-trunk": 0,
}


@pytest.fixture(scope="module")
def endings(asterisk: AsteriskInstance) -> dict[str, Ending]:
    """All phones called at once, each for 4 s at most; an answered one is hung up at once."""
    everyone = [*ENDINGS, *RINGERS, *ANSWERERS, "PJSIP/lab-unreachable"]
    return asyncio.run(call_all(asterisk, everyone))


async def call_all(asterisk: AsteriskInstance, endpoints: list[str]) -> dict[str, Ending]:
    """Each endpoint's ending."""
    result: dict[str, Ending] = {}
    rang: set[str] = set()
    answered: dict[str, float] = {}
    names = {f"leg-{number}": endpoint for number, endpoint in enumerate(endpoints)}
    async with connected(asterisk, "lab-test", all_events=True) as ari:
        began = time.monotonic()
        for leg, endpoint in names.items():
            asked = {"endpoint": endpoint, "app": "lab-test", "timeout": "4", "channelId": leg}
            assert await ari.ask("POST", "/channels", **asked) == 200
        while len(result) < len(names):
            event = await ari.event(lambda event: event.get("channel", {}).get("id") in names)
            leg, state = event["channel"]["id"], event["channel"]["state"]
            if event["type"] == "ChannelStateChange" and state == "Ringing":
                rang.add(leg)
            if event["type"] == "ChannelStateChange" and state == "Up":
                answered[leg] = time.monotonic() - began
                await ari.ask("DELETE", f"/channels/{leg}")
            if event["type"] == "ChannelDestroyed":
                sip = event.get("tech_cause")
                result[names[leg]] = Ending(event["cause"], sip, leg in rang, answered.get(leg))
    return result


@pytest.mark.fault("15")
@pytest.mark.parametrize("endpoint", ENDINGS)
def test_a_refusing_phone_gives_its_sip_cause(endings: dict[str, Ending], endpoint: str) -> None:
    ending = endings[endpoint]
    assert (ending.cause, ending.sip, ending.answered_after) == (*ENDINGS[endpoint], None)


@pytest.mark.parametrize("endpoint", RINGERS)
def test_a_phone_that_nobody_picks_up_rings(endings: dict[str, Ending], endpoint: str) -> None:
    assert endings[endpoint].rang
    assert endings[endpoint].answered_after is None


@pytest.mark.parametrize("endpoint", ANSWERERS)
def test_an_answering_phone_answers_when_it_should(endings: dict[str, Ending], endpoint: str) -> None:
    answered_after = endings[endpoint].answered_after
    assert answered_after is not None
    assert ANSWERERS[endpoint] <= answered_after < ANSWERERS[endpoint] + 1


def test_an_unreachable_phone_gives_no_sign(endings: dict[str, Ending]) -> None:
    assert not endings["PJSIP/lab-unreachable"].rang
    assert endings["PJSIP/lab-unreachable"].answered_after is None


def test_a_message_left_by_the_labs_caller_is_not_silent(asterisk: AsteriskInstance) -> None:
    asyncio.run(leave_a_message(asterisk, "lab-message"))
    path = asterisk.recordings / "lab-message.wav"
    assert path.stat().st_mode & 0o077 == 0
    with wave.open(str(path)) as message:
        assert (message.getframerate(), message.getnchannels(), message.getsampwidth()) == (8000, 1, 2)
        # Asterisk counts by whole seconds of the clock: a limit of 2 s gives 2 to 3 s, by the moment of its start.
        assert 2 <= message.getnframes() / 8000 <= 3.1
        samples = array("h", message.readframes(message.getnframes()))
    assert sum(abs(sample) for sample in samples) / len(samples) > 300


async def leave_a_message(asterisk: AsteriskInstance, name: str) -> None:
    """The lab's caller calls; as the controller, record two seconds of it."""
    app = asterisk.settings.app
    async with connected(asterisk, app) as ari:
        call = {
            "endpoint": f"PJSIP/{OURS}@lab-caller",
            "context": "lab-caller",
            "extension": "speak",
            "callerId": "+7916",
        }
        assert await ari.ask("POST", "/channels", priority="1", channelId="the-caller", **call) == 200
        channel = (await ari.event(lambda event: event["type"] == "CallBroadcast"))["channel"]
        assert channel["caller"]["number"] == "+7916"
        assert await ari.ask("POST", "/events/claim", channelId=channel["id"], application=app) == 204
        await ari.event(lambda event: event["type"] == "StasisStart")
        asked = {"name": name, "format": "wav", "maxDurationSeconds": "2"}
        assert await ari.ask("POST", f"/channels/{channel['id']}/record", **asked) == 201
        await ari.event(lambda event: event["type"] == "RecordingFinished")
        assert await ari.ask("DELETE", "/channels/the-caller") == 204
        await ari.event(lambda event: event["type"] == "StasisEnd")


# --- entry and fallback ----------------------------------------------------------------------------------------------


def test_a_call_without_a_controller_is_greeted_within_a_second(caller: Phone) -> None:
    began = time.monotonic()
    caller.invite(OURS)
    caller.receive(r"SIP/2\.0 180")
    assert time.monotonic() - began < 0.2
    assert caller.final() == 200
    assert time.monotonic() - began < 1
    heard = b"".join(caller.media.recv(2048)[12:] for _ in range(50))
    assert len(set(heard)) > 50, "speech has many levels, silence has few"
    caller.request("BYE", OURS, 2)
    caller.receive(r"SIP/2\.0 200")


def test_a_controller_that_does_not_claim_loses_the_call_within_a_second(
    asterisk: AsteriskInstance, caller: Phone
) -> None:
    async def story() -> None:
        async with connected(asterisk, asterisk.settings.app) as ari:
            began = time.monotonic()
            caller.invite(OURS)
            offered = await ari.event(lambda event: event["type"] == "CallBroadcast")
            assert offered["called"] == OURS
            assert await asyncio.to_thread(caller.final) == 200
            assert time.monotonic() - began < 1
            late = {"channelId": offered["channel"]["id"], "application": asterisk.settings.app}
            assert await ari.ask("POST", "/events/claim", **late) == 404

    asyncio.run(story())
    caller.request("BYE", OURS, 2)
    caller.receive(r"SIP/2\.0 200")


def test_a_call_that_the_controller_let_go_never_reaches_the_fallback(
    asterisk: AsteriskInstance, caller: Phone
) -> None:
    async def story() -> None:
        async with connected(asterisk, asterisk.settings.app) as ari:
            caller.invite(OURS)
            offered = await ari.event(lambda event: event["type"] == "CallBroadcast")
            channel = offered["channel"]["id"]
            claim = {"channelId": channel, "application": asterisk.settings.app}
            assert await ari.ask("POST", "/events/claim", **claim) == 204
            await ari.event(lambda event: event["type"] == "StasisStart")
            assert await ari.ask("POST", f"/channels/{channel}/continue") == 204

    asyncio.run(story())
    assert caller.final() == 603


@pytest.mark.fault("22")
@pytest.mark.parametrize(
    "number",
    ["1", "abc", "12a4", "*43", "1):0", "123;x=y", "123%2C1", "%0A123", "+", "++12", "1+2", "7" * 21, "9" * 300],
)
def test_what_is_no_number_is_refused_before_a_channel_is_made(caller: Phone, number: str) -> None:
    caller.invite(number)
    assert caller.final() == 404


# --- abuse -----------------------------------------------------------------------------------------------------------


def while_dialed(asterisk: AsteriskInstance, story: Callable[[Ari], Awaitable[None]]) -> None:
    """Run the story while ARI calls PJSIP/test-phone as the channel `abused`."""

    async def run() -> None:
        async with connected(asterisk, "lab-test", all_events=True) as ari:
            asked = {"endpoint": "PJSIP/test-phone", "app": "lab-test", "channelId": "abused"}
            assert await ari.ask("POST", "/channels", **asked) == 200
            await story(ari)

    asyncio.run(run())


def ended(event: Event) -> bool:
    """Whether the event is the end of the abused channel."""
    return bool(event["type"] == "ChannelDestroyed" and event["channel"]["id"] == "abused")


@pytest.mark.fault("37")
def test_the_answered_party_may_not_transfer_the_call(asterisk: AsteriskInstance, called: Phone) -> None:
    async def story(ari: Ari) -> None:
        invite = await asyncio.to_thread(called.receive, "INVITE")
        called.answer(invite, "200 OK", "Content-Type: application/sdp\r\n", called.sdp())
        await ari.event(lambda event: event["type"] == "StasisStart")
        called.ask_the_other_way(invite, "REFER", f"Refer-To: <sip:{OURS}@127.0.0.1>\r\n")
        refused = await asyncio.to_thread(called.receive, r"SIP/2\.0")
        assert header(refused, "CSeq") == "7 REFER"
        assert 400 <= int(refused.split()[1]) < 700
        assert [channel["id"] for channel in channels(asterisk)] == ["abused"]
        assert await ari.ask("DELETE", "/channels/abused") == 204
        await ari.event(ended)

    while_dialed(asterisk, story)


@pytest.mark.fault("37")
def test_a_redirected_call_is_not_led_elsewhere(asterisk: AsteriskInstance, called: Phone) -> None:
    async def story(ari: Ari) -> None:
        invite = await asyncio.to_thread(called.receive, "INVITE")
        called.answer(invite, "302 Moved Temporarily", f"Contact: <sip:{OURS}@127.0.0.1>\r\n")
        seen: list[Event] = []

        def last(event: Event) -> bool:
            seen.append(event)
            return ended(event)

        assert (await ari.event(last))["cause"] == 23
        assert {event["channel"]["id"] for event in seen if "channel" in event} == {"abused"}
        assert channels(asterisk) == []

    while_dialed(asterisk, story)


@pytest.mark.fault("35")
def test_a_party_that_vanished_without_bye_is_ended(asterisk: AsteriskInstance, called: Phone) -> None:
    async def story(ari: Ari) -> None:
        invite = await asyncio.to_thread(called.receive, "INVITE")
        called.answer(invite, "200 OK", "Content-Type: application/sdp\r\n", called.sdp())
        await ari.event(ended)

    while_dialed(asterisk, story)


# --- the instance ----------------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_with_its_holder(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    second = AsteriskInstance(asterisk.kind, tmp_path / "second", asterisk.settings)
    with pytest.raises(LabError, match=rf"TCP 127\.0\.0\.1:{asterisk.settings.http_port} \(ARI\).*held by process \d+"):
        second.start()


def test_only_the_owner_reads_the_instance_and_no_argv_shows_the_password(asterisk: AsteriskInstance) -> None:
    assert asterisk.instance_dir.stat().st_mode & 0o077 == 0
    for name in ("ari-password", "etc/ari.conf"):
        assert (asterisk.instance_dir / name).stat().st_mode & 0o077 == 0
    assert len(asterisk.ari_password) >= 32
    assert asterisk.ari_password not in Path(f"/proc/{asterisk.pid}/cmdline").read_text()


@pytest.mark.usefixtures("asterisk")
def test_a_second_instance_lives_beside_the_first_and_a_restart_keeps_its_password(
    new_asterisk: Callable[[str], AsteriskInstance],
) -> None:
    """Its application's name has a dot, which is special in the broadcast's filter."""

    async def claims(instance: AsteriskInstance) -> None:
        async with connected(instance, "lab.app") as ari, connected(instance, "lab-app") as other:
            phone = Phone(instance)
            phone.invite(OURS)
            offered = await ari.event(lambda event: event["type"] == "CallBroadcast")
            claim = {"channelId": offered["channel"]["id"], "application": "lab.app"}
            assert await ari.ask("POST", "/events/claim", **claim) == 204
            assert await ari.ask("DELETE", f"/channels/{offered['channel']['id']}") == 204
            assert await asyncio.to_thread(phone.final) == 603
            phone.close()
            await other.http.post(
                instance.ari_url + "/events/user/mark", params={"application": "lab-app"}
            )  # what comes after anything that was sent before
            first = await other.event(lambda event: True)
            assert first["type"] == "ChannelUserevent"

    with new_asterisk("lab.app") as second:
        password = second.ari_password
        asyncio.run(claims(second))
        second.restart()
        assert second.ari_password == password
        assert "Asterisk 22" in second.cli("core show version")
    assert second.pid is None


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        (AsteriskSettings(app="x\nautoload=yes"), "AST_APP must be one line"),
        (AsteriskSettings(app="x;y"), "use letters, digits"),
        (AsteriskSettings(sip_bind="0.0.0.0"), "the lab calls over loopback only"),
        (AsteriskSettings(http_port=70000), "between 1 and 65535"),
        (AsteriskSettings(language="de"), "choose ru, uk, pl or en"),
    ],
)
def test_provisioning_refuses_a_setting_that_could_break_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: AsteriskSettings, mend: str
) -> None:
    monkeypatch.setattr("ari_app.lab.asterisk.require_free", lambda ports: None)
    with pytest.raises(LabError, match=mend):
        AsteriskInstance(choose("local"), tmp_path / "instance", settings).start()
