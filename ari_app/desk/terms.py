"""What of the deployment the desks go by, and numbers as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ari_app.core.deployment import Deployment
from ari_app.core.numbering import normalise, printable
from ari_app.settings import Settings

_BETWEEN = re.compile(r"[\s()./\u00a0\u2010-\u2015-]+")


@dataclass(frozen=True, slots=True)
class Terms:
    """``price`` is that of one SMS part, in ``currency`` as it is shown; ``region`` is where numbers without + are;
    ``messages_folder`` has the recordings of voicemail."""

    deployment: Deployment = field(default_factory=Deployment)
    price: Decimal = Decimal(0)
    currency: str = ""
    region: str = "RU"
    messages_folder: Path = Path("messages")

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """Those of a deployment's settings."""
        return cls(
            settings.deployment,
            settings.sms_price,
            settings.sms_currency,
            settings.region,
            settings.messages_folder,
        )

    def number(self, written: str) -> str | None:
        """A number as E.164, whatever people put between its digits; None when it is none."""
        return normalise(_BETWEEN.sub("", written), self.region)

    def money(self, amount: Decimal) -> str:
        """An amount as people read it; empty where no price is set."""
        return f"{amount} {self.currency}".strip() if self.price else ""


def not_a_number(written: str) -> str:
    """What is said of something that is no number."""
    return f"{printable(written)!r} is not a telephone number such as +79160000001"
