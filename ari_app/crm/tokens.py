"""OAuth 2 tokens that are renewed (RFC 6749, 6): kept in a file of mode 0600, one renewal at a time between processes.

Some vendors' refresh tokens are good once: the new one comes in the answer, and whoever misses it has to be authorised
anew by a person. So a renewal, once begun, is never cut off for the sake of a look-up that has no more time: it runs in
a thread of its own, and the look-up after finds its token in the file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from ari_app.crm.base import CrmLimited, CrmTrouble
from ari_app.http_client.client import Answer, HttpClient, Request
from ari_app.http_client.settings import check_private
from ari_app.http_client.words import said

SOON_SECONDS = 120.0
"""A token that ends so soon is renewed while it is still good, and no look-up waits for it."""
LOCK_SECONDS = 30.0
"""For how long a renewal waits for another process's: longer than that one's time-outs by default."""
LIMITED_SECONDS = 60.0
"""How long no token is asked for where it is said that we ask too often, and not for how long."""
LONGEST_SECONDS = 24 * 3600.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a vendor has given: ``expires_at`` is in seconds since the epoch, 0 where it is not said. ``seed`` tells by
    which configuration: another refresh token in it means that a person has authorised us anew."""

    seed: str
    refresh: str
    access: str = ""
    expires_at: float = 0.0


_TOKENS = TypeAdapter(Tokens)

Ask = Callable[[str], Request]
"""The request for new tokens, given the refresh token."""


class RenewedTokens:
    """Credentials that are renewed at ``url`` of the vendor's, as ``ask`` says.

    ``kept`` is where tokens are kept; ``first`` the refresh token of the configuration (empty where there is none, as
    with signed assertions); ``scheme`` stands before the token in Authorization.
    """

    def __init__(self, client: HttpClient, ask: Ask, kept: Path, first: str, scheme: str = "Bearer") -> None:
        self._client, self._ask, self._kept, self._first, self._scheme = client, ask, kept, first, scheme
        self._seed = hashlib.sha256(first.encode()).hexdigest()
        self._lock = threading.Lock()
        self._renewal: Future[Tokens] | None = None

    def headers(self, deadline: float) -> Mapping[str, str]:
        """Authorization with a token that is good as far as we know. Raises `CrmTrouble`: there is none by then."""
        tokens = self._read()
        ends_in = tokens.expires_at - time.time() if tokens.expires_at else float("inf")
        if not tokens.access or ends_in <= 0:
            tokens = self._wait(self._begin(tokens.access), deadline)
        elif ends_in < SOON_SECONDS:
            self._begin(tokens.access)
        return self._proof(tokens)

    def renew(self, refused: Mapping[str, str], deadline: float) -> bool:
        """Get another token than the one that was refused. Raises `CrmTrouble`: none was given, or none by then."""
        tokens = self._wait(self._begin(refused["Authorization"].removeprefix(f"{self._scheme} ")), deadline)
        return self._proof(tokens) != refused

    def _proof(self, tokens: Tokens) -> Mapping[str, str]:
        return {"Authorization": f"{self._scheme} {tokens.access}"}

    def _begin(self, old: str) -> Future[Tokens]:
        """The renewal that is under way in this process, or a new one."""
        with self._lock:
            if self._renewal is None or self._renewal.done():
                self._renewal = Future()
                threading.Thread(target=self._run, args=(self._renewal, old), name="crm-token", daemon=True).start()
            return self._renewal

    def _wait(self, renewal: Future[Tokens], deadline: float) -> Tokens:
        try:
            return renewal.result(max(0.0, deadline - time.monotonic()))
        except NotYet:
            raise CrmTrouble("its token is being renewed, for longer than the look-up may last") from None

    def _run(self, renewal: Future[Tokens], old: str) -> None:
        try:
            renewal.set_result(self._renewed(old))
        except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for it
            renewal.set_exception(error if isinstance(error, CrmTrouble) else CrmTrouble(f"its token: {said(error)}"))
        finally:
            self._client.close()

    def _renewed(self, old: str) -> Tokens:
        with self._alone():
            tokens = self._read()
            if tokens.access and tokens.access != old and not 0 < tokens.expires_at <= time.time():
                return tokens  # another process was first
            answer = self._client.ask(self._ask(tokens.refresh))
            if not isinstance(answer, Answer):
                raise CrmTrouble(f"its token cannot be renewed: {answer.reason}")
            if answer.status == 429:
                again = LIMITED_SECONDS if answer.retry_after is None else answer.retry_after
                raise CrmLimited("it is asked too often for tokens (HTTP 429)", min(again, LONGEST_SECONDS))
            new = _given(answer, tokens.refresh, self._seed)
            self._write(new)
            return new

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between processes: the lock goes with its holder, however that ends."""
        handle = os.open(self._kept.with_name(self._kept.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            until = time.monotonic() + LOCK_SECONDS
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                if time.monotonic() >= until:
                    raise CrmTrouble(f"its token is being renewed by another process, which holds {self._kept}.lock")
                time.sleep(0.02)  # in a look-up's own thread: a lock gives no signal
            yield
        finally:
            os.close(handle)

    def _read(self) -> Tokens:
        """What is kept, if it came of this configuration; else what the configuration says."""
        fresh = Tokens(refresh=self._first, seed=self._seed)
        try:
            octets = self._kept.read_bytes()
        except FileNotFoundError:
            return fresh
        except OSError as error:
            raise CrmTrouble(f"{self._kept} cannot be read: {error.strerror}") from None
        try:
            check_private(self._kept)
            kept = _TOKENS.validate_json(octets, strict=True)
        except ValidationError:
            raise CrmTrouble(f"{self._kept} holds no tokens of ours; remove it") from None
        except ValueError as error:
            raise CrmTrouble(str(error)) from None
        return kept if kept.seed == self._seed else fresh

    def _write(self, tokens: Tokens) -> None:
        """All or nothing, and on disk: a refresh token that is good once must not be lost."""
        new = self._kept.with_name(self._kept.name + ".new")
        try:
            new.unlink(missing_ok=True)  # of a process that was killed here; nobody else writes while we hold the lock
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(orjson.dumps(asdict(tokens)))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._kept)
        except OSError as error:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise CrmTrouble(f"its new token cannot be kept in {self._kept}: {error.strerror}; mend the disk") from None


def _given(answer: Answer, refresh: str, seed: str) -> Tokens:
    """The tokens of an answer (RFC 6749, 5.1). Vendors say that they refuse in several ways, all without a token."""
    found = answer.object()
    access, new = found.get("access_token"), found.get("refresh_token", refresh)
    seconds = found.get("expires_in")
    if answer.status == 200 and isinstance(access, str) and _TOKEN.fullmatch(access) and isinstance(new, str):
        lasts = float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 10**9 else 0.0
        return Tokens(seed, new, access, time.time() + lasts if lasts else 0.0)
    why = said(found.get("error") or found.get("title") or "")
    more = said(found.get("error_description") or found.get("hint") or found.get("detail") or "")
    raise CrmTrouble(
        f"it does not renew our token (HTTP {answer.status}, {why or 'no reason given'}{': ' if more else ''}{more});"
        " if that goes on, authorise us anew and write the new secrets into the configuration"
    )
