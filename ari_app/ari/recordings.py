"""Finished recordings, fetched through ARI: works wherever Asterisk runs, with no shared folder."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.ari.client import AriClient
from ari_app.ari.errors import AriError, NotFound
from ari_app.message_store import RecordingUnavailable


class AriRecordings:
    """Recordings in Asterisk's spool. ``client`` is asked for each time, for it is there only once connected."""

    def __init__(self, app: str, client: Callable[[], AriClient]) -> None:
        self.source = app
        self._client = client
        self._sources: dict[str, str] = {}

    def comes_from(self, name: str, source: str) -> None:
        """What we call ``name`` is called ``source`` there, until it is deleted there."""
        self._sources[name] = source

    async def fetch(self, name: str) -> bytes | None:
        """The whole file, or None when Asterisk says that there is none; raises RecordingUnavailable."""
        try:
            return await self._client().recordings.file(self._sources.get(name, name))
        except NotFound as error:
            if _is_about_the_recording(error):
                return None
            raise RecordingUnavailable(f"fetching it failed: {error}") from error
        except AriError as error:
            raise RecordingUnavailable(f"fetching it failed: {error}") from error

    async def delete(self, name: str) -> None:
        """Remove it from the spool; already gone is fine. Raises RecordingUnavailable."""
        try:
            await self._client().recordings.delete(self._sources.get(name, name))
        except NotFound as error:
            if not _is_about_the_recording(error):
                raise RecordingUnavailable(f"removing it failed: {error}") from error
        except AriError as error:
            raise RecordingUnavailable(f"removing it failed: {error}") from error
        self._sources.pop(name, None)


def _is_about_the_recording(error: NotFound) -> bool:
    """While Asterisk starts, its HTTP server says "Not Found" of everything, in HTML: that is no word about a file."""
    return error.reason.startswith("Recording")
