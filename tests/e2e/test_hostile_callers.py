"""Hostile caller ids: whatever a caller says of itself is stored harmless, and the call goes its way."""

import re

import pytest

from tests.e2e.house import Stage, ring

HOSTILE = {
    "line breaks": "<sip:7916%0d%0aINFO%20forged%0aX@127.0.0.10>",
    "escape": '"\x1bcred\x07" <sip:%1b%5b31m%1b%5d0;x%07@127.0.0.10>',
    "quotes": "\"o\\\"' OR '1'='1\" <sip:'%22;--@127.0.0.10>",
    "sql": "<sip:+7');DROP%20TABLE%20calls;--@127.0.0.10>",
    "dialplan": "<sip:$%7BSHELL(id)%7D@127.0.0.10>",
    "tags": '"<script>alert(1)</script>" <sip:%3Cb%3E@127.0.0.10>',
    "long": f'"{"N" * 2000}" <sip:{"9" * 2000}@127.0.0.10>',
    "bytes": '"\u202e\u0000x" <sip:%ff%fe%00%c3@127.0.0.10>'.replace("\u0000", ""),
    "another charset": '"\udccf\udcf0\udce8\udce2" <sip:+79161112233@127.0.0.10>',
    "path": "<sip:..%2f..%2fetc%2fpasswd@127.0.0.10>",
    "anonymous": '"Anonymous" <sip:anonymous@anonymous.invalid>',
}


@pytest.mark.fault("23")
@pytest.mark.parametrize("who", HOSTILE)
def test_a_hostile_caller_id_is_stored_harmless_and_the_call_goes_its_way(stage: Stage, who: str) -> None:
    phone = stage.answering()
    number = stage.plan(ring(phone))
    mark = stage.house.controller.mark
    caller = stage.call(number, talk_ms=200, **{"from": HOSTILE[who]})
    assert caller.over().final == 200
    journalled = caller.journalled()
    assert journalled.verdict == ("answered", "talked")
    assert journalled.call["caller"] in {None, "+79161112233"}
    raw = journalled.call["caller_raw"]
    assert raw.isprintable()
    assert len(raw) <= 64
    for line in stage.house.controller.lines[mark:]:
        assert re.match(r"\d{4}-\d\d-\d\d[ T]", line), f"a line of the log that is none: {line!r}"
        assert line.isprintable()
    offered = phone.wire.one("INVITE")
    for header in ("From", "P-Asserted-Identity"):
        told = re.match(r'"(anonymous|\+?\d+)" <sip:(anonymous|\+?\d{1,20})@[\d.]+>', offered.header(header))
        assert told, offered.header(header)


@pytest.mark.fault("23")
@pytest.mark.parametrize("strategy", ["in_turn", "all_at_once"])
def test_what_a_forwarder_says_of_himself_goes_no_further(stage: Stage, strategy: str) -> None:
    """By either way of ringing; the number is one that SIP can carry, and may be of use."""
    phone, second = stage.answering(), stage.ringing()
    stage.counts_invites = False
    forwarder = 'Diversion: "evil ${EXTEN}" <sip:+74950000009@evil>;reason=unconditional'
    who = f"<sip:+79161112233@127.0.0.10>;tag=first\n{forwarder}\nX-Rest: <sip:a@b>"
    caller = stage.call(stage.plan(ring(phone, second, strategy=strategy)), talk_ms=200, **{"from": who})
    assert caller.over().final == 200
    offered = phone.wire.one("INVITE").text
    assert "Diversion: <sip:+74950000009@" in offered
    assert "evil" not in offered
