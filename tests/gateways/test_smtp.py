"""E-mail: against a real server (aiosmtpd), and against one that breaks off where it is told to."""

from __future__ import annotations

import asyncio
import email
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from ari_app.core.delivery import Accepted, Refused, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.smtp import Smtp, SmtpSettings
from ari_app.http_client.settings import Reading
from ari_app.message_ports import Letter
from tests.gateways.certificates import Authority
from tests.gateways.drivers import REF, SECRET
from tests.gateways.providers import refusing_port

TEXT = "Новое сообщение от +79161234567.\n.\n..точка в начале строки\nКонец"
LETTER = Letter(REF, Channel.EMAIL, "desk@example.com", TEXT, "Сообщение на автоответчике", "Клиника «Ёж»")


def gateway(port: int, **given: Any) -> Smtp:
    settings = {
        "kind": "smtp",
        "name": "mail",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "robot@clinic.example",
        "connect_timeout": 2,
        "read_timeout": 2,
        **given,
    }
    return SmtpSettings.model_validate(settings, context=Reading()).build()


class Mailbox:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=default)))
        return "250 2.0.0 Ok: queued as 4ABC"


class _Server(Controller):
    """On a port that the machine chooses."""

    def bound_to(self) -> int:
        assert isinstance(self.server, asyncio.Server)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def _trigger_server(self) -> None:
        """The base class waits until somebody has connected, and would connect to port 0."""
        with socket.create_connection(("127.0.0.1", self.bound_to()), 5):
            return


@contextmanager
def serving(mailbox: Mailbox, **given: Any) -> Iterator[int]:
    controller = _Server(mailbox, "127.0.0.1", 0, **given)
    controller.start()
    try:
        yield controller.bound_to()
    finally:
        controller.stop()


def test_a_mail_arrives_whole(tmp_path: Path) -> None:
    recording = tmp_path / "message-7.mp3"
    recording.write_bytes(bytes(range(256)) * 40)
    mailbox = Mailbox()
    with serving(mailbox) as port:
        one = gateway(port, reply_to="office@clinic.example")
        found = one.send(Letter(**{**_fields(LETTER), "attachment": str(recording)}))
    assert found == Accepted("2.0.0 Ok: queued as 4ABC")
    [(envelope, mail)] = mailbox.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("robot@clinic.example", ["desk@example.com"])
    assert mail["Subject"] == "Сообщение на автоответчике"
    assert mail["From"] == "Клиника «Ёж» <robot@clinic.example>"
    assert (mail["To"], mail["Reply-To"]) == ("desk@example.com", "office@clinic.example")
    assert mail["Message-ID"] == f"<{REF}@clinic.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_body()
    assert body is not None
    assert body.get_content().splitlines() == TEXT.splitlines()
    [attached] = mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("audio/mpeg", "message-7.mp3")
    assert attached.get_content() == recording.read_bytes()


def _fields(letter: Letter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in letter.__slots__}


def test_the_text_of_ascii_with_dots() -> None:
    mailbox = Mailbox()
    text = ".\r\n.hidden\r\n..\r\nline\r\n" + "x" * 2000
    with serving(mailbox) as port:
        assert isinstance(gateway(port).send(Letter(REF, Channel.EMAIL, "desk@example.com", text, "s")), Accepted)
    [(_, mail)] = mailbox.mails
    body = mail.get_body()
    assert body is not None
    assert body.get_content().splitlines() == text.splitlines()


def test_no_header_can_be_made_by_a_text() -> None:
    mailbox = Mailbox()
    evil = "Тема\r\nBcc: victim@example.com\n\nbody\u2028x"
    with serving(mailbox) as port:
        letter = Letter(REF, Channel.EMAIL, "desk@example.com", "t", evil, "Имя\r\nBcc: victim@example.com")
        assert isinstance(gateway(port).send(letter), Accepted)
    [(envelope, mail)] = mailbox.mails
    assert envelope.rcpt_tos == ["desk@example.com"]
    assert mail["Bcc"] is None
    assert "victim" in mail["Subject"]


@pytest.mark.parametrize(
    "address",
    ["", "desk", "a@b@c", "a@example.com\r\nRCPT TO:<v@example.com>", "a@example.com, b@example.com",
     "A <a@example.com>", "a b@example.com", "@example.com", "a@", "a@exa\x00mple.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_connecting(address: str) -> None:
    letter = Letter(REF, Channel.EMAIL, address, "t")
    assert isinstance(gateway(refusing_port()).send(letter), Refused)


def test_an_international_address_where_the_server_knows_them() -> None:
    letter = Letter(REF, Channel.EMAIL, "приёмная@example.com", "t")
    mailbox = Mailbox()
    with serving(mailbox, enable_SMTPUTF8=True) as port:
        assert isinstance(gateway(port).send(letter), Accepted)
    assert mailbox.mails[0][0].rcpt_tos == ["приёмная@example.com"]
    with serving(mailbox, enable_SMTPUTF8=False) as port:
        assert isinstance(gateway(port).send(letter), Refused)


class _Accounts:
    def __call__(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"robot", SECRET.encode())
        return AuthResult(success=good, handled=False)


def test_starttls_with_a_login(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mailbox = Mailbox()
    given = {"security": "starttls", "user": "robot", "ca_file": authority.file}
    with serving(
        mailbox, tls_context=authority.server(), require_starttls=True, authenticator=_Accounts(), auth_required=True
    ) as port:
        assert isinstance(gateway(port, password=SECRET, **given).send(LETTER), Accepted)
        wrong = gateway(port, password="guessed-" + SECRET, **given).send(LETTER)
        untrusted = gateway(port, password=SECRET, **given | {"ca_file": None}).send(LETTER)
    assert isinstance(wrong, Unavailable)
    assert "user and password" in wrong.reason
    assert SECRET not in repr(wrong)
    assert isinstance(untrusted, Unavailable)
    assert "certificate" in untrusted.reason
    assert len(mailbox.mails) == 1


def test_tls_from_the_first_octet(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=authority.server()) as port:
        assert isinstance(gateway(port, security="tls", ca_file=authority.file).send(LETTER), Accepted)


def test_no_starttls_is_no_reason_to_go_on_in_plain() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        found = gateway(port, security="starttls").send(LETTER)
    assert isinstance(found, Unavailable)
    assert "STARTTLS" in found.reason
    assert mailbox.mails == []


class Script:
    """A mail server of which each command's reply is written in the test; DROP closes, HANG says nothing."""

    DROP = b""
    HANG = b"hang"

    def __init__(self, **replies: bytes) -> None:
        self.replies: Mapping[str, bytes] = {
            "banner": b"220 ready",
            "EHLO": b"250 SIZE 1000",
            "MAIL": b"250 ok",
            "RCPT": b"250 ok",
            "DATA": b"354 go on",
            "dot": b"250 queued",
            "RSET": b"250 ok",
            **replies,
        }
        self.taken: list[bytes] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            with client, client.makefile("rb") as file:
                self._converse(client, file)

    def _converse(self, client: socket.socket, file: Any) -> None:
        if not self._say(client, "banner"):
            return
        while line := file.readline():
            word = line[:4].decode().upper().strip()
            if word == "DATA" and self.replies["DATA"].startswith(b"354"):
                client.sendall(self.replies["DATA"] + b"\r\n")
                lines = []
                while (one := file.readline()) not in (b".\r\n", b""):
                    lines.append(one)
                if one:
                    self.taken.append(b"".join(lines))
                word = "dot"
            if not self._say(client, word):
                return

    def _say(self, client: socket.socket, word: str) -> bool:
        reply = self.replies.get(word, b"500 what?")
        if reply == self.HANG:
            self._over.wait()
        if reply in (self.HANG, self.DROP):
            return False
        client.sendall(reply + b"\r\n")
        return True


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ({"banner": Script.DROP}, Unavailable),
        ({"banner": Script.HANG}, Unavailable),
        ({"banner": b"554 go away"}, Unavailable),
        ({"banner": b"421 later"}, Unavailable),
        ({"EHLO": Script.DROP}, Unavailable),
        ({"MAIL": b"451 later"}, Unavailable),
        ({"MAIL": b"550 no such sender"}, Unavailable),
        ({"MAIL": Script.DROP}, Unavailable),
        ({"RCPT": b"450 greylisted"}, Unavailable),
        ({"RCPT": b"550 no such user"}, Refused),
        ({"RCPT": Script.HANG}, Unavailable),
        ({"DATA": b"451 later"}, Unavailable),
        ({"DATA": b"554 no valid recipients"}, Unavailable),
        ({"DATA": Script.DROP}, Unavailable),
        ({"dot": b"451 later"}, Unavailable),
        ({"dot": b"452 no room"}, Unavailable),
        ({"dot": b"552 too big"}, Refused),
        ({"dot": b"554 looks like spam"}, Refused),
        ({"dot": Script.DROP}, Unclear),
        ({"dot": Script.HANG}, Unclear),
        ({"dot": b"no number"}, Unclear),
        ({"dot": b"250 queued"}, Accepted),
    ],
    ids=lambda one: "-".join(f"{k} {v[:3].decode()}" for k, v in one.items()) if isinstance(one, dict) else "",
)
def test_where_it_breaks_says_what_is_known(replies: dict[str, bytes], outcome: type[object]) -> None:
    with Script(**replies) as server:
        found = gateway(server.port, connect_timeout=0.3, read_timeout=0.3).send(LETTER)
    assert isinstance(found, outcome), found
    assert bool(server.taken) == ("dot" in replies)


def test_nobody_there() -> None:
    found = gateway(refusing_port()).send(LETTER)
    assert found == Unavailable("127.0.0.1: Connection refused")


def test_a_recording_that_is_gone(tmp_path: Path) -> None:
    letter = Letter(REF, Channel.EMAIL, "desk@example.com", "t", attachment=str(tmp_path / "gone.mp3"))
    assert gateway(refusing_port()).send(letter) == Refused("the recording gone.mp3 is not there any more")
    folder = Letter(REF, Channel.EMAIL, "desk@example.com", "t", attachment=str(tmp_path))
    assert isinstance(gateway(refusing_port()).send(folder), Unavailable)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"host": "mail.example.com", "security": "none"}, "allow_plain"),
        ({"user": "robot"}, "user and password go together"),
        ({"sender": "robot"}, "no e-mail address"),
        ({"reply_to": "a@b\r\nBcc: c@d"}, "no e-mail address"),
    ],
)
def test_mistakes_in_the_configuration(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        gateway(25, **given)


def test_secrets_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = gateway(25, user="robot", password=SECRET)
    assert SECRET not in repr(one) + repr(vars(one)) + caplog.text
