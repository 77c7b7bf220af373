"""An SMSC over SMPP 3.4: sends texts in their parts, and hands over receipts and texts as they are delivered.

A part is refused or taken by the status of its answer (5.1.3); none at all is unclear, for nothing in 3.4 asks for a
message by our id. A receipt is asked for with the last part only, whose id is the message's: parts are passed on in
their order, and one receipt a message is what the outbox can use.
"""

from __future__ import annotations

import hashlib
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import smpp34
from pydantic import Field, model_validator

from ari_app.core.delivery import Accepted, Outcome, Refused, Report, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.core.segments import TextError
from ari_app.gateways.base import BaseGateway, TakeIn, digits, e164
from ari_app.gateways.settings import GatewaySettings
from ari_app.gateways.smpp import pdus
from ari_app.gateways.smpp.pdus import Status
from ari_app.gateways.smpp.session import NoAnswer, NotBound, NotWritten, Session, Smsc
from ari_app.gateways.smpp.texts import Assembly, Long, Part, is_receipt, parts, piece, receipt
from ari_app.http_client.settings import Authorities, Secret
from ari_app.message_ports import InboundText, Letter

log = logging.getLogger(__name__)

BUSY = (Status.THROTTLED, Status.QUEUE_FULL)
RECONNECT_SECONDS = (1.0, 30.0)
"""Between attempts to bind again: the first, and the longest."""


class SmppSettings(GatewaySettings):
    """An SMSC. ``long_messages``: how a text of several parts goes. ``receipt_ids`` is ``decimal`` where the SMSC gives
    ids in hexadecimal and writes them in decimal in receipts. ``sender`` is for deployments without a sender name."""

    kind: Literal["smpp"]
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(2775, ge=1, le=65535)
    system_id: str = Field(pattern=r"^[\x21-\x7e]{1,15}$")
    password: Secret
    system_type: str = Field("", pattern=r"^[\x21-\x7e]{0,12}$")
    tls: bool = False
    ca_file: Authorities | None = None
    sender: str = Field("", max_length=20)
    long_messages: Long = "udh"
    receipt_ids: Literal["same", "decimal"] = "same"
    validity_hours: int = Field(0, ge=0, le=24 * 7)
    enquire_link: float = Field(30.0, gt=0, le=600)

    @model_validator(mode="after")
    def _password_fits(self) -> SmppSettings:
        secret = self.password.get_secret_value()
        if not secret.isascii() or len(secret) > 8:
            raise ValueError("password: SMPP takes 8 ASCII characters at most")
        return self

    def build(self) -> Smpp:
        """The gateway; it binds when it is first needed."""
        return Smpp(self)


class Smpp(BaseGateway):
    """Sends over one session, which is bound when needed and bound again when lost."""

    listens = True

    def __init__(self, settings: SmppSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(settings, Channel.SMS)
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._failed = (-1e9, "")
        self._take: TakeIn | None = None
        self._assembly = Assembly()
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None
        self._smsc = Smsc(
            settings.host,
            settings.port,
            settings.system_id,
            settings.password.get_secret_value,
            settings.system_type,
            ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None,
            settings.connect_timeout,
            settings.read_timeout,
            settings.enquire_link,
        )

    def _bound(self) -> Session:
        with self._lock:
            if self._stop.is_set():
                raise NotBound("the gateway is closed")
            if self._session is None or self._session.closed.is_set():
                if self._session is not None:
                    self._session.close()
                    self._session = None
                self._session = self._new()
            return self._session

    def _new(self) -> Session:
        """Bind, unless that has just failed: many who wait would otherwise fail one after another."""
        failed_at, why = self._failed
        if time.monotonic() - failed_at < RECONNECT_SECONDS[0] / 2:
            raise NotBound(why)
        try:
            return Session(self._smsc, self._delivered if self._take else None)
        except NotBound as error:
            self._failed = (time.monotonic(), str(error))
            raise

    def send(self, letter: Letter) -> Outcome:
        """submit_sm, one a part."""
        sender = letter.sender or self._settings.sender
        if not sender.isascii():
            return Unavailable("the sender must be Latin letters or digits; correct ARI_APP_SENDER_NAME")
        try:
            cut = parts(letter.text, int(letter.ref[-2:], 16), self._settings.long_messages)
        except TextError as error:
            return Refused(str(error))
        try:
            session = self._bound()
        except NotBound as error:
            return Unavailable(str(error))
        return self._submitted(session, letter.recipient, sender, cut)

    def _submitted(self, session: Session, recipient: str, sender: str, cut: list[Part]) -> Outcome:
        """Once a part is taken the message is under way: what then goes wrong with another leaves it unclear."""
        until = time.monotonic() + self._settings.read_timeout
        for number, part in enumerate(cut):
            outcome = self._submit(session, recipient, sender, part, last=part is cut[-1])
            while number and isinstance(outcome, Unavailable) and time.monotonic() < until:
                if self._stop.wait(0.2):
                    break
                outcome = self._submit(session, recipient, sender, part, last=part is cut[-1])
            if not isinstance(outcome, Accepted):
                taken = f"{number} of {len(cut)} parts were taken, then: "
                return Unclear(taken + outcome.reason) if number else outcome
        return outcome

    def _submit(self, session: Session, recipient: str, sender: str, part: Part, *, last: bool) -> Outcome:
        def made(sequence: int) -> bytes:
            ton, npi = _kind(sender)
            return smpp34.SubmitSm(
                digits(sender),
                digits(recipient),
                part.octets,
                source_addr_ton=ton,
                source_addr_npi=npi,
                dest_addr_ton=1,
                dest_addr_npi=1,
                esm_class=part.esm_class,
                data_coding=part.data_coding,
                registered_delivery=1 if last else 0,
                validity_period=self._validity(),
                tlvs=[smpp34.Tlv(tag, value) for tag, value in part.tlvs],
                sequence_number=sequence,
            ).encode()

        try:
            answer = session.request(made)
        except NotWritten as error:
            return Unavailable(f"{self._settings.host}: {error}")
        except NoAnswer as error:
            return Unclear(f"{self._settings.host} was sent the message and did not answer: {error}")
        return self._outcome(answer)

    def _outcome(self, answer: pdus.Pdu) -> Outcome:
        """Any status but 0 says that the message was not taken."""
        if answer.status == Status.OK and answer.command == pdus.Command.SUBMIT_SM_RESP:
            return Accepted(self._same_id(pdus.message_id(answer)))
        reason = f"{self._settings.host} does not take it: status {answer.status:#x}"
        if answer.status == Status.INVALID_DESTINATION:
            return Refused(f"{reason}, the number is invalid")
        return Unavailable(f"{reason}, too fast" if answer.status in BUSY else reason)

    def _same_id(self, given: str) -> str:
        if self._settings.receipt_ids == "decimal":
            try:
                return str(int(given, 16))
            except ValueError:
                return given
        return given

    def _validity(self) -> str:
        """5.2.16, 7.1.1: a relative period."""
        days, hours = divmod(self._settings.validity_hours, 24)
        return f"0000{days:02}{hours:02}0000000R" if self._settings.validity_hours else ""

    def listen(self, take: TakeIn) -> None:
        """Stay bound, and give ``take`` what is delivered. An SMSC is told that a delivery was taken only after."""
        with self._lock:
            self._take = take
            if self._session is not None:
                self._session.close()  # it was bound for sending alone
                self._session = None
        self._keeper = threading.Thread(target=self._keep_bound, name=f"smpp {self.name}", daemon=True)
        self._keeper.start()

    def _keep_bound(self) -> None:
        pause, longest = RECONNECT_SECONDS
        while not self._stop.is_set():
            try:
                session = self._bound()
            except NotBound as error:
                log.warning("gateway %s: %s; it is tried again", self.name, error)
                self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads a herd, guards nothing
                pause = min(pause * 2, longest)
                continue
            pause = RECONNECT_SECONDS[0]
            session.closed.wait()

    def _delivered(self, message: smpp34.DeliverSm) -> None:
        """In the session's thread; what it raises has the SMSC deliver it again."""
        take = self._take
        assert take is not None  # noqa: S101  # only sessions of `listen` deliver
        if is_receipt(message):
            if (found := receipt(message)) is None:
                log.warning("gateway %s: a receipt that says no id or state is left out", self.name)
                return
            take([Report(found.state, gateway_id=found.message_id, reason=found.reason)], [])
            return
        now = time.monotonic()
        texts = self._assembly.overdue(now)
        whole = self._assembly.add(message.source_addr, message.destination_addr, piece(message), now)
        if whole is not None:
            texts.append((message.source_addr, message.destination_addr, whole))
        if texts:
            take([], [self._text(*one) for one in texts])

    def _text(self, sender: str, recipient: str, text: str) -> InboundText:
        """deliver_sm has no id. One that comes again within the hour is the same; whether it is, or a person wrote the
        same twice, cannot be told, and for STOP is all one."""
        at = self._now()
        unique = hashlib.sha256("\0".join((sender, recipient, text, f"{at:%Y%m%d%H}")).encode()).hexdigest()[:32]
        return InboundText(unique, e164(sender), e164(recipient), text, at)

    def close(self) -> None:
        """Unbind; it cannot be used any more."""
        self._stop.set()
        with self._lock:
            if self._session is not None:
                self._session.close()
        if self._keeper is not None:
            self._keeper.join(2.0)


def _kind(sender: str) -> tuple[int, int]:
    """Type and plan of a sender (5.2.5, 5.2.6): a number, a short code or a name."""
    if not digits(sender).isdigit():
        return 5, 0
    return (1, 1) if len(digits(sender)) > 8 else (3, 0)
