"""Calls as the journal has them, and the messages that callers left, to be listened to by those who may."""

from __future__ import annotations

import os
import re
import stat
from datetime import datetime
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from ari_app.core.explain import sentence
from ari_app.core.rights import Right, Subject, require
from ari_app.desk.base import NotFound
from ari_app.desk.recordings import RecordingDesk
from ari_app.storage.history import CallHistory, CallNotFoundError, JournalledEvent, show_call
from ari_app.web.access import Whoever
from ari_app.web.problems import Refusal, documented
from ari_app.web.site import OurSite

router = APIRouter(prefix="/v1/calls", tags=["calls"])

_NAME = re.compile(r"voicemail-[0-9a-f]{32}")
_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
CallId = Annotated[str, Path(pattern=r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{10}$", examples=["20261121-200144-005ae888cf"])]
Which = Annotated[
    int, Query(ge=1, le=100, description="which of the call's messages, from 1; nearly always there is one")
]


class Leg(BaseModel):
    """A destination that was rung; milliseconds count from the call's arrival."""

    destination: str
    step: int
    dialed_ms: int
    rang_ms: int | None
    answered_ms: int | None
    ended_ms: int
    outcome: str
    cause: int
    cause_text: str


class Told(BaseModel):
    """An entry of the timeline in words."""

    at_ms: int
    kind: str
    sentence: str


class Recording(BaseModel):
    """A message that the caller left."""

    seconds: float
    written_at: datetime
    mp3: str = Field(description="where it is to be had")
    wav: str


class Call(BaseModel):
    """A call with everything that the journal has about it; what is empty while it lasts is known at its end."""

    id: str
    direction: Literal["inbound", "outbound"]
    arrived_at: datetime
    caller: str | None
    dialled: str | None
    number: str | None
    scheme: str | None
    scheme_version: str | None
    branch: str | None
    disposition: str | None
    reason: str | None
    answered_by: str | None
    answered_ms: int | None
    ended_ms: int | None
    ended_at: datetime | None
    legs: list[Leg]
    timeline: list[Told]
    recordings: list[Recording]


@router.get("/{call}", summary="One call", responses=documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
def get_call(call: CallId, site: OurSite, actor: Whoever) -> Call:
    """Everything about a call, its timeline in words. Right: `recordings view`."""
    require(actor, Subject.RECORDINGS, Right.VIEW)
    try:
        with site.reading.begin() as connection:
            return _call(show_call(connection, call))
    except CallNotFoundError:
        raise no_call() from None


def _call(history: CallHistory) -> Call:
    of_call = {name: getattr(history.call, name) for name in Call.model_fields if hasattr(history.call, name)}
    return Call(
        **of_call,
        legs=[Leg(**{name: getattr(leg, name) for name in Leg.model_fields}) for leg in history.legs],
        timeline=[Told(at_ms=event.at_ms, kind=event.kind, sentence=words(event)) for event in history.events],
        recordings=[
            Recording(
                seconds=message.length_ms / 1000,
                written_at=message.written_at,
                mp3=f"/v1/calls/{history.call.id}/message.mp3?which={place}",
                wav=f"/v1/calls/{history.call.id}/message.wav?which={place}",
            )
            for place, message in enumerate(history.messages, 1)
        ],
    )


def words(event: JournalledEvent) -> str:
    """An entry of the timeline as a sentence."""
    try:
        return sentence(event.as_entry())
    except ValueError:
        return event.kind  # of a newer release


_AUDIO: dict[int | str, dict[str, Any]] = {
    ending: {"schema": {"type": "string", "format": "binary"}} for ending in _TYPES.values()
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The message", "content": _AUDIO},
    206: {"description": "The part of it that was asked for by Range", "content": _AUDIO},
    416: {"description": "There is no such part", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **documented(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
}


@router.get(
    "/{call}/message.{ending}",
    summary="The message that the caller left",
    response_class=FileResponse,
    responses=_ANSWERS,
)
def get_recording(
    call: CallId, ending: Literal["mp3", "wav"], site: OurSite, actor: Whoever, which: Which = 1
) -> FileResponse:
    """The recording itself, whole or in parts (Range). Right: `recordings view`."""
    try:
        with site.writing.begin() as connection:  # that somebody asked is written down
            heard = RecordingDesk(connection, actor, site.terms, now=site.now).of_call(call)
    except NotFound:  # which would tell where the files are
        detail = "the caller left no message, or its files were removed; GET /v1/calls/{id} says what was left"
        raise Refusal(HTTPStatus.NOT_FOUND, detail) from None
    if len(heard) < which:
        raise Refusal(HTTPStatus.NOT_FOUND, "the caller left no such message; GET /v1/calls/{id} lists those there are")
    path = heard[which - 1].files.get(ending)
    if path is None or not _is_ours(heard[which - 1].name, path):
        raise Refusal(HTTPStatus.NOT_FOUND, f"the message is there, but not as {ending}; ask for the other one")
    return FileResponse(path, media_type=_TYPES[ending], filename=f"{call}.{ending}", content_disposition_type="inline")


def _is_ours(name: str, path: FilePath) -> bool:
    """Names come from the journal, and yet must be such as we give, of a file and no link: whoever can write to the
    journal or the folder is not to read other files by it."""
    return bool(_NAME.fullmatch(name)) and stat.S_ISREG(os.lstat(path).st_mode)


def no_call() -> Refusal:
    """What is answered of a call that is not in the journal."""
    return Refusal(HTTPStatus.NOT_FOUND, "the journal has no call of this id; ari-app calls list shows those it has")
