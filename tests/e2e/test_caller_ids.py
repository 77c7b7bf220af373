"""What a telephone outside is really sent: From, P-Asserted-Identity and Diversion, by either way of ringing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.house import House, Stage
from tests.e2e.journal import Destination, Dial
from tests.e2e.sipp import Message

pytestmark = pytest.mark.promise("FLD-08")
CALLER, FIXED, MOBILE = "+79161112233", "+74950009999", "+79160007780"
WAYS = pytest.mark.parametrize("strategy", ["in_turn", "all_at_once"])
"""Rung by Dial(), alone; by the controller, beside others."""


@pytest.fixture(scope="module")
def trunked(new_house: Callable[..., House]) -> House:
    """An installation whose way outside is a telephone."""
    made = new_house(number_template="PJSIP/{number}@outside")
    made.controller.start()
    return made


@pytest.fixture
def scene(trunked: House) -> Iterator[Stage]:
    with trunked.story() as stage:
        stage.counts_invites = False
        yield stage


def offered(scene: Stage, strategy: str, scheme: str = "", own: str = "", **says: str) -> Message:
    """The INVITE that the mobile gets of a call whose scheme, or whose destination, has this caller id."""
    mobile, other = scene.phone(at=scene.house.outside, talk_ms=300), scene.ringing()
    number = scene.plan(Dial((Destination(MOBILE, kind="number"), Destination(other.name)), strategy))
    mark = scene.house.controller.mark
    with scene.house.database.edit() as sql:
        which = "UPDATE schemes SET caller_id = ? WHERE id = (SELECT scheme_id FROM numbers WHERE e164 = ?)"
        sql.execute(which, (scheme, number))
        sql.execute("UPDATE destinations SET caller_id = ? WHERE target = ?", (own, MOBILE))
    if scheme or own:
        scene.house.controller.said(r"book \w+ in force", since=mark, seconds=10)
    caller = scene.call(number, talk_ms=20000, **says)
    caller.over()
    call = caller.journalled()
    assert call.verdict == ("answered", "talked"), call.told
    invite = mobile.wire.one("INVITE")
    shown = {"dialled": number, "": "", "caller": ""}.get(own or scheme, own or scheme)
    assert call.details("leg_dialed")[0].get("shows", "") == shown
    assert invite.first_line.startswith(f"INVITE sip:{MOBILE}@")
    for header in ("From", "P-Asserted-Identity"):
        assert f"<sip:{shown or CALLER}@" in invite.header(header), invite.text
    assert ("Diversion" in invite.text) is (not shown)
    if not shown:
        assert f"<sip:{number}@" in invite.header("Diversion"), invite.text
    return invite


@WAYS
@pytest.mark.parametrize("scheme", ["", "caller"])
def test_the_callers_number_goes_outside_with_who_forwarded_the_call(scene: Stage, strategy: str, scheme: str) -> None:
    offered(scene, strategy, scheme)


@WAYS
@pytest.mark.parametrize(("scheme", "own"), [("dialled", ""), (FIXED, ""), ("dialled", FIXED), (FIXED, "caller")])
def test_another_number_is_shown_where_scheme_or_destination_say_so(
    scene: Stage, strategy: str, scheme: str, own: str
) -> None:
    offered(scene, strategy, scheme, own)


@WAYS
def test_a_fixed_number_is_shown_although_the_caller_withholds_his(scene: Stage, strategy: str) -> None:
    invite = offered(scene, strategy, FIXED, **{"from": '"Anonymous" <sip:anonymous@anonymous.invalid>'})
    assert "anonymous" not in invite.text.lower()


@WAYS
def test_our_own_telephones_are_told_of_no_diversion(scene: Stage, strategy: str) -> None:
    desk, other = scene.answering(talk_ms=300), scene.ringing()
    number = scene.plan(Dial((Destination(desk.name), Destination(other.name)), strategy))
    scene.call(number, talk_ms=20000).over()
    invite = desk.wire.one("INVITE")
    assert f"<sip:{CALLER}@" in invite.header("From")
    assert "Diversion" not in invite.text
