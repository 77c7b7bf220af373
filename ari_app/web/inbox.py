"""The test inbox: a page of what would have been sent, for QA on the machine itself and in test mode only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import HTMLResponse, Response

from ari_app.core.segments import TextError, segments
from ari_app.gateways.inbox import Inbox
from ari_app.storage.history import CallNotFoundError, show_call
from ari_app.storage.outbox_schema import messages
from ari_app.web.calls import CallId, no_call, words
from ari_app.web.inbox_file import Shown, newest
from ari_app.web.pages import page, tag
from ari_app.web.place import is_loopback
from ari_app.web.problems import Refusal
from ari_app.web.site import OurSite, Site

router = APIRouter(include_in_schema=False)

_HEAD = '<script src="/static/inbox.js" defer></script><noscript><meta http-equiv="refresh" content="5"></noscript>'
_CHANNELS = {"sms": "SMS", "email": "e-mail", "push": "push", "webhook": "webhook"}


def _for_this_machine(request: Request, site: OurSite) -> None:
    """The page asks for no token; so it is there only in test mode, for this machine, and under this machine's names:
    a page from elsewhere whose name is made to point here comes with its own name in Host."""
    private = is_loopback(site.settings.web_host) and not site.settings.web_url
    if not (private and _inboxes(site) and is_loopback(request.url.hostname or "")):
        raise Refusal(
            HTTPStatus.NOT_FOUND,
            "the test inbox is shown only where messages go to it (no ARI_APP_GATEWAYS_FILE, or a gateway of kind "
            "inbox), and only at the address of this very machine",
        )


def _inboxes(site: Site) -> list[Inbox]:
    return [gateway for gateway in site.gateways.values() if isinstance(gateway, Inbox)]


OnThisMachine = Depends(_for_this_machine)


@router.get("/inbox", dependencies=[OnThisMachine])
def get_inbox(site: OurSite) -> HTMLResponse:
    """The page; its script asks for the list again and again."""
    shown = _list(site)
    top = tag("header", tag("h1", "Test inbox") + tag("span", "", class_="soft", id="state"), class_="top")
    lead = tag("p", "What would have been sent. None of it has gone to anybody.", class_="lead")
    body = top + lead + tag("main", shown, id="messages", data_version=_version(shown))
    return page("Test inbox", body, head=_HEAD)


@router.get("/inbox/list", dependencies=[OnThisMachine])
def get_list(site: OurSite, if_none_match: Annotated[str, Header()] = "") -> Response:
    """The list alone, if it is another one than the page has."""
    shown = _list(site)
    version = _version(shown)
    if if_none_match == version:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": version})
    return HTMLResponse(shown, headers={"ETag": version})


@router.get("/inbox/calls/{call}", dependencies=[OnThisMachine])
def get_call_story(call: CallId, site: OurSite) -> HTMLResponse:
    """What happened in a call, in words: why there is a message, or none."""
    try:
        with site.reading.begin() as connection:
            history = show_call(connection, call)
    except CallNotFoundError:
        raise no_call() from None
    back = tag("p", tag("a", "Test inbox", href="/inbox"), class_="lead")
    told = "".join(
        tag("li", tag("span", f"{event.at_ms / 1000:.3f} s") + escape(words(event))) for event in history.events
    )
    arrived = history.call.arrived_at.astimezone(site.deployment.window.zone)
    when = tag("p", escape(f"{arrived:%d.%m.%Y %H:%M:%S %Z}"), class_="soft")
    story = tag("div", tag("ol", told, class_="timeline"), class_="card")
    return page(f"Call {call}", back + tag("h1", f"Call {escape(call)}") + when + story)


def _version(shown: str) -> str:
    return f'"{hashlib.sha256(shown.encode()).hexdigest()[:16]}"'


def _list(site: Site) -> str:
    found = newest(dict.fromkeys(inbox.file for inbox in _inboxes(site)))
    if not found:
        return tag("p", "No message yet. It will be here within two seconds of being sent.", class_="card none")
    causes = _causes(site, [message.ref for message in found])
    return "".join(_card(message, causes.get(message.ref), site) for message in found)


def _causes(site: Site, refs: Iterable[str]) -> Mapping[str, sa.Row[Any]]:
    """The rows of these messages; while the database is away the page goes without."""
    query = sa.select(messages).where(messages.c.ref.in_(list(refs)))
    try:
        with site.reading.begin() as connection:
            return {row.ref: row for row in connection.execute(query)}
    except sa.exc.SQLAlchemyError:
        return {}


def _card(message: Shown, row: sa.Row[Any] | None, site: Site) -> str:
    at = message.at.astimezone(site.deployment.window.zone)
    channel = _CHANNELS.get(message.channel, message.channel)
    known = message.channel if message.channel in _CHANNELS else ""
    sender = f"from {tag('b', escape(message.sender))}" if message.sender else ""
    facts = [
        tag("span", escape(channel), class_=f"badge {known}"),
        tag("span", f"to {tag('b', escape(_recipient(message)))}"),
        tag("span", sender) if sender else "",
        tag("span", escape(_size(message))),
        tag("time", f"{at:%d.%m.%Y %H:%M:%S}", datetime=at.isoformat(timespec="seconds")),
    ]
    subject = (
        tag("p", escape(message.subject), class_="subject") if message.subject and message.channel != "sms" else ""
    )
    look = "text code" if message.channel == "webhook" else "text"
    text = tag("p", escape(_readable(message)), class_=look)
    attached = (
        tag("p", f"attached: {tag('code', escape(message.attachment))}", class_="why") if message.attachment else ""
    )
    whole = tag("div", "".join(facts), class_="facts") + subject + text + attached + _why(row)
    return tag("article", whole, class_="card")


def _recipient(message: Shown) -> str:
    """A push message's is a subscription, in which only its place says something."""
    if message.channel == "push":
        try:
            return str(orjson.loads(message.recipient)["endpoint"])[:60] + "…"
        except (ValueError, KeyError, TypeError):
            pass
    return message.recipient


def _size(message: Shown) -> str:
    if message.channel != "sms":
        return f"{len(message.text)} characters"
    try:
        taken = segments(message.text)
    except TextError as error:
        return str(error)
    return f"{taken.parts} SMS, {taken.encoding}"


def _readable(message: Shown) -> str:
    """A webhook's JSON with its lines; everything else as it is."""
    if message.channel == "webhook":
        try:
            return orjson.dumps(orjson.loads(message.text), option=orjson.OPT_INDENT_2).decode()
        except orjson.JSONDecodeError:
            pass
    return message.text


def _why(row: sa.Row[Any] | None) -> str:
    """What it is, by which rule, and the call that brought it."""
    if row is None:
        return ""
    told = [escape(row.kind.replace("_", " "))]
    told += [f"rule «{escape(row.rule)}»"] if row.rule else []
    told += [f"team {escape(row.team)}"] if row.team else []
    told += [f"item {escape(row.item)}"] if row.item else []
    told += [f"asked for by {escape(row.asked_by)}"] if row.asked_by else []
    if row.call_id:
        told.append(tag("a", f"why: call {escape(row.call_id)}", href=f"/inbox/calls/{row.call_id}"))
    told.append(f"{escape(row.state)}, message {row.id}")
    return tag("p", " · ".join(told), class_="why")
