"""Asks Asterisk over ARI, one request after another, as a command needs it; the controller has its own way."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from ari_app.ari.settings import AriSettings

SECONDS = 3.0
"""How long one request may take."""


class AsteriskUnavailable(Exception):
    """Asterisk could not be asked at all; the message says why and how to mend it."""


class Refused(Exception):
    """Asterisk said no; ``status`` is HTTP's, ``reason`` its own words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class AsteriskAri:
    """ARI over plain HTTP; a context manager."""

    def __init__(self, settings: AriSettings) -> None:
        self._url = settings.url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment has no business with Asterisk
        self._session.headers["Authorization"] = settings.authorization()
        self.clock_header: str | None = None
        """The Date that Asterisk's last answer had."""

    def get(self, *path: str, **query: str) -> Any:
        """What is at ``path``. Raises Refused (404: there is no such thing) and AsteriskUnavailable."""
        return self.ask("GET", *path, **query)

    def post(self, *path: str, **query: str) -> Any:
        """Make or do something. Raises as `get`."""
        return self.ask("POST", *path, **query)

    def delete(self, *path: str) -> None:
        """Remove something; that it has gone already is fine. Raises as `get`."""
        try:
            self.ask("DELETE", *path)
        except Refused as refused:
            if refused.status != 404:
                raise

    def exists(self, *path: str) -> bool:
        """Whether there is something at ``path``. Raises as `get`, save for 404."""
        try:
            self.get(*path)
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def content(self, *path: str) -> bytes:
        """A file's content. Raises as `get`."""
        answer = self._asked("GET", *path)
        self._read(answer)
        return answer.content

    def ask(self, method: str, *path: str, **query: str) -> Any:
        """One request; the parts of the path are quoted here. None for an empty answer."""
        return self._read(self._asked(method, *path, **query))

    def _asked(self, method: str, *path: str, **query: str) -> requests.Response:
        place = "/".join(quote(part, safe="") for part in path)
        try:
            answer = self._session.request(method, f"{self._url}/{place}", params=query, timeout=SECONDS)
        except requests.ConnectionError:
            raise AsteriskUnavailable(
                f"nothing answers at {self._url}; start Asterisk, or set ARI_APP_ARI_URL to where its http.conf binds"
            ) from None
        except requests.Timeout:
            raise AsteriskUnavailable(
                f"Asterisk at {self._url} did not answer in {SECONDS:g} s; it hangs or is overloaded"
            ) from None
        except requests.RequestException as error:
            raise AsteriskUnavailable(f"Asterisk at {self._url} cannot be asked: {error}") from None
        self.clock_header = answer.headers.get("Date")
        return answer

    def _read(self, answer: requests.Response) -> Any:
        if answer.status_code in (401, 403):
            raise AsteriskUnavailable(
                f"Asterisk at {self._url} refuses the user or the password; set ARI_APP_ARI_USER and "
                "ARI_APP_ARI_PASSWORD as in its ari.conf"
            )
        html = not answer.headers.get("Content-Type", "").startswith("application/json")
        if answer.status_code == 503 or (answer.status_code == 404 and html):
            raise AsteriskUnavailable(
                f"Asterisk at {self._url} is starting or stopping, or its ARI is off (ari.conf, http.conf)"
            )
        if not answer.ok:
            raise Refused(answer.status_code, _reason(answer))
        return answer.json() if answer.content and not html else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()


def _reason(answer: requests.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        return answer.reason
    return str(said.get("message") or said.get("error") or answer.reason) if isinstance(said, dict) else answer.reason
