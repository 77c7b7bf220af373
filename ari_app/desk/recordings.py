"""The desk of recordings: where the message of a call is, for those who may hear it, and who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ari_app.core.rights import Right, Subject
from ari_app.desk.base import Desk, NotFound, needs
from ari_app.desk.terms import Terms
from ari_app.storage import history
from ari_app.storage.history import CallNotFoundError
from ari_app.storage.records import calls, voicemail_messages

ENDINGS = ("mp3", "wav")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of a call as it can be heard: its name, length in seconds, its files by ending (one at least)."""

    name: str
    seconds: float
    files: dict[str, Path]


@dataclass(frozen=True)
class RecordingDesk(Desk):
    """Messages that callers left; each asking for one is written down."""

    terms: Terms

    @needs(Subject.RECORDINGS, Right.VIEW)
    def of_call(self, call_id: str) -> list[Heard]:
        """The messages of a call, whose id is this or alone begins so ("last": of the call that left one last).

        Raises:
            NotFound: no such call, no message in it, or its files are gone.
        """
        wanted = self._last() if call_id == "last" else call_id
        try:
            found = history.show_call(self.connection, wanted)
        except CallNotFoundError as error:
            raise NotFound(str(error)) from None
        if not found.messages:
            raise NotFound(f"in the call {found.call.id} no message was left")
        heard = [Heard(one.name, one.length_ms / 1000, self._files(one.name)) for one in found.messages]
        gone = [one.name for one in heard if not one.files]
        if gone:
            raise NotFound(
                f"{', '.join(gone)} is not in {self.terms.messages_folder}: the files were removed, or "
                "ARI_APP_MESSAGES_FOLDER is not the controller's"
            )
        self._write_down(Subject.RECORDINGS, "hear", found.call.id, recordings=[one.name for one in heard])
        return heard

    def _last(self) -> str:
        newest = sa.select(calls.c.id).join(voicemail_messages).order_by(voicemail_messages.c.written_at.desc())
        found: str | None = self.connection.scalar(newest.limit(1))
        if found is None:
            raise NotFound("no caller has left a message yet")
        return found

    def _files(self, name: str) -> dict[str, Path]:
        return files_of(self.terms.messages_folder, name)


def files_of(folder: Path, name: str) -> dict[str, Path]:
    """The files that there are of a recording, by ending."""
    paths = {ending: folder / f"{name}.{ending}" for ending in ENDINGS}
    return {ending: path for ending, path in paths.items() if path.is_file()}
