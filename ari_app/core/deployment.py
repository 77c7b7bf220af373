"""What is the same for every message of a deployment, and what a decision about messages comes out as."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ari_app.core.messages import Intent
from ari_app.core.recipients import TextPolicy
from ari_app.core.timeline import Note
from ari_app.core.window import SendingWindow


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment's own about messages.

    ``company`` is its name as messages say it, ``sender`` the one name that SMS are sent under, ``language`` that of
    the texts that ship with the product. A message is not sent ``expiry`` after it was due.
    """

    company: str = ""
    sender: str = ""
    window: SendingWindow = field(default_factory=SendingWindow)
    expiry: timedelta = timedelta(hours=24)
    text_policy: TextPolicy = field(default_factory=TextPolicy)
    language: str = "ru"


@dataclass(frozen=True, slots=True)
class Decided:
    """Which messages are to be sent, and the reasons: one note for each, and one for each that is not."""

    intents: tuple[Intent, ...] = ()
    notes: tuple[Note, ...] = ()
