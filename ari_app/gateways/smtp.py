"""E-mail by SMTP (RFC 5321), with STARTTLS or TLS, and the recording attached.

Until the last line of the message (the lone dot) is written, the server cannot have taken it: whatever breaks before
is known not sent. From then until its reply nothing is known; RFC 5321, 4.5.3.2.6, would have us wait ten minutes for
it, ``read_timeout`` is how long we do.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.gateways.base import BaseGateway
from ari_app.gateways.settings import GatewaySettings
from ari_app.http_client.settings import Authorities, Secret
from ari_app.http_client.words import said
from ari_app.message_ports import Letter

PORTS = {"starttls": 587, "tls": 465, "none": 25}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Without the quoted forms of RFC 5321, 4.1.2, which nobody has; with letters of all alphabets (RFC 6531).
_ADDRESS = re.compile(r"""([^\s@<>()\[\]\\",:;\x00-\x20\x7f-\x9f]{1,64})@([\w.-]{1,253}|\[[0-9A-Fa-f:.IPv]+\])""")
_TYPES = {".mp3": ("audio", "mpeg"), ".wav": ("audio", "x-wav")}


class SmtpSettings(GatewaySettings):
    """A mail server. ``sender`` is the address that mail comes from; the deployment's sender name stands before it, or
    ``sender_name``. Without encryption only on this machine, unless ``allow_plain``."""

    kind: Literal["smtp"]
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(0, ge=0, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    allow_plain: bool = False
    ca_file: Authorities | None = None
    user: str = ""
    password: Secret | None = None
    sender: str
    sender_name: str = Field("", max_length=100)
    reply_to: str = ""
    connect_timeout: float = Field(20.0, gt=0, le=60)
    read_timeout: float = Field(60.0, gt=0, le=600)

    @field_validator("sender", "reply_to")
    @classmethod
    def _an_address(cls, address: str) -> str:
        if address:
            _mailbox(address)
        return address

    @model_validator(mode="after")
    def _safe(self) -> SmtpSettings:
        if bool(self.user) != bool(self.password):
            raise ValueError("password: user and password go together; write both or none")
        if self.security == "none" and not (self.allow_plain or _here(self.host)):
            raise ValueError("security: none is for this machine alone; use starttls or tls, or allow_plain: true")
        return self

    def build(self) -> Smtp:
        """The gateway."""
        return Smtp(self)


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _mailbox(address: str, name: str = "") -> Mailbox:
    """An address for a header.

    Raises:
        ValueError: it is none; one with a line break or a second address in it, for instance.
    """
    if not (found := _ADDRESS.fullmatch(address)):
        raise ValueError("is no e-mail address, such as office@example.com")
    return Mailbox(_CONTROL.sub(" ", name), found[1], found[2])


class Smtp(BaseGateway):
    """Sends e-mail, each over a connection of its own."""

    def __init__(self, settings: SmtpSettings) -> None:
        super().__init__(settings, Channel.EMAIL)
        self._settings = settings
        self._domain = settings.sender.rpartition("@")[2]

    def send(self, letter: Letter) -> Outcome:
        """Connect, hand over, and read what became of it."""
        try:
            message = self._message(letter)
        except ValueError:
            return Refused("the recipient is no e-mail address")
        except FileNotFoundError:
            return Refused(f"the recording {Path(letter.attachment).name} is not there any more")
        except OSError as error:
            return Unavailable(f"the recording {Path(letter.attachment).name} cannot be read: {error.strerror}")
        try:
            connection = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            return Unavailable(f"{self._settings.host}: {_why(error)}")
        try:
            return self._handed_over(connection, message, letter.recipient)
        finally:
            connection.close()

    def _message(self, letter: Letter) -> EmailMessage:
        """Headers are made by the standard library, which lets no line break into them; we turn those of subjects and
        names into spaces."""
        message = EmailMessage(policy=SMTP)
        message["Date"] = formatdate(localtime=False)
        message["From"] = _mailbox(self._settings.sender, letter.sender or self._settings.sender_name)
        message["To"] = _mailbox(letter.recipient)
        message["Subject"] = _CONTROL.sub(" ", letter.subject).strip()
        # The same at every attempt, so that mail servers and readers can tell a repetition.
        message["Message-ID"] = f"<{letter.ref}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        if self._settings.reply_to:
            message["Reply-To"] = _mailbox(self._settings.reply_to)
        text = letter.text.encode("utf-8", "replace").decode()  # a lone surrogate is no character
        # Never 8bit, which not every server passes on.
        message.set_content(text, cte="quoted-printable" if text.isascii() else "base64")
        if letter.attachment:
            path = Path(letter.attachment)
            main, sub = _TYPES.get(path.suffix.lower(), ("application", "octet-stream"))
            message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
        return message

    def _connected(self) -> smtplib.SMTP:
        """Greeted, encrypted and logged in."""
        chosen = self._settings
        port = chosen.port or PORTS[chosen.security]
        trust = ssl.create_default_context(cafile=chosen.ca_file)
        limit = chosen.connect_timeout
        connection: smtplib.SMTP
        if chosen.security == "tls":
            connection = smtplib.SMTP_SSL(chosen.host, port, self._domain, timeout=limit, context=trust)
        else:
            connection = smtplib.SMTP(chosen.host, port, self._domain, timeout=limit)
        try:
            if connection.sock is not None:
                connection.sock.settimeout(chosen.read_timeout)
            connection.ehlo_or_helo_if_needed()
            if chosen.security == "starttls":
                connection.starttls(context=trust)
                connection.ehlo()
            if chosen.password is not None:
                connection.login(chosen.user, chosen.password.get_secret_value())
        except BaseException:
            connection.close()
            raise
        return connection

    def _handed_over(self, connection: smtplib.SMTP, message: EmailMessage, recipient: str) -> Outcome:
        """MAIL, RCPT, DATA; up to the dot any failure is known not sent."""
        international = not (recipient.isascii() and self._settings.sender.isascii())
        if international and not connection.has_extn("smtputf8"):
            return Refused("the mail server knows ASCII addresses only (no SMTPUTF8)")
        octets = message.as_bytes(policy=SMTPUTF8 if international else SMTP)
        try:
            refusal = self._envelope(connection, recipient, ["SMTPUTF8"] if international else [])
            if refusal is not None:
                connection.rset()
                return refusal
            # As smtplib's data(), but for the dot. RFC 5321, 4.5.2: a line that begins with a dot gets another.
            connection.send(re.sub(rb"(?m)^\.", b"..", octets.rstrip(b"\r\n") + b"\r\n"))
        except (OSError, smtplib.SMTPException) as error:
            return Unavailable(f"{self._settings.host}: {_why(error)}")
        return self._ended(connection)

    def _envelope(self, connection: smtplib.SMTP, recipient: str, options: list[str]) -> Outcome | None:
        code, reply = connection.mail(self._settings.sender, options)
        if code != 250:  # our address is not welcome there; another server may take it
            return Unavailable(f"it does not take our sender: {code} {_text(reply)}")
        code, reply = connection.rcpt(recipient)
        if code not in (250, 251):
            reason = f"it does not take the recipient: {code} {_text(reply)}"
            return Refused(reason) if code >= 500 else Unavailable(reason)
        code, reply = connection.docmd("DATA")
        return None if code == 354 else Unavailable(f"it takes no message: {code} {_text(reply)}")

    def _ended(self, connection: smtplib.SMTP) -> Outcome:
        """Write the dot and read the reply to it. Polite leave-taking is left out: the reply is what counts."""
        try:
            connection.send(b".\r\n")
            code, reply = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return Unclear(f"{self._settings.host} was given the whole message and did not reply: {_why(error)}")
        if code == 250:
            return Accepted(_text(reply)[:100])
        if not 400 <= code < 600:
            return Unclear(
                f"{self._settings.host} replied to the message with {code} {_text(reply)}, which says nothing"
            )
        reason = f"it does not take the message: {code} {_text(reply)}"
        return Refused(reason) if code >= 500 else Unavailable(reason)


def _text(reply: bytes) -> str:
    return said(reply.decode("utf-8", "replace"))


def _why(error: Exception) -> str:
    """Without what smtplib may quote of our login."""
    why = type(error).__name__
    match error:
        case smtplib.SMTPAuthenticationError():
            why = f"it does not accept user and password ({error.smtp_code}); correct them in the configuration"
        case smtplib.SMTPNotSupportedError():
            why = "it offers no STARTTLS, or no way to log in that we know; check security: and port:"
        case smtplib.SMTPResponseException():
            why = f"{error.smtp_code} {said(error.smtp_error)}"
        case smtplib.SMTPServerDisconnected():
            why = "it closed the connection"
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted ({error.verify_message}); ca_file: names other authorities"
        case TimeoutError():
            why = "time-out"
        case OSError() if error.strerror:
            why = said(error.strerror)
    return why
