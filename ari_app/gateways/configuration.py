"""The gateways of a deployment, from a YAML file; or, without one, test mode.

Every mistake is told at once, each on a line: file, gateway, field, what is wrong and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ari_app.gateways.base import BaseGateway
from ari_app.gateways.generic import GenericSettings
from ari_app.gateways.inbox import Inbox, InboxSettings
from ari_app.gateways.infobip import InfobipSettings
from ari_app.gateways.smpp.gateway import SmppSettings
from ari_app.gateways.sms_ru import SmsRuSettings
from ari_app.gateways.smsc_ru import SmscRuSettings
from ari_app.gateways.smtp import SmtpSettings
from ari_app.gateways.twilio import TwilioSettings
from ari_app.gateways.vonage import VonageSettings
from ari_app.gateways.web_push import WebPushSettings
from ari_app.gateways.webhook import WebhookSettings
from ari_app.http_client.listing import Listing
from ari_app.http_client.settings import Strict

AnySettings = (
    TwilioSettings
    | SmscRuSettings
    | SmsRuSettings
    | InfobipSettings
    | VonageSettings
    | SmppSettings
    | GenericSettings
    | SmtpSettings
    | WebPushSettings
    | WebhookSettings
    | InboxSettings
)


class GatewaysError(Exception):
    """The gateways' configuration is wrong; the message has a line for each mistake."""


class _File(Strict):
    """The whole file. The order of the list is the order in which gateways of one channel are tried."""

    gateways: list[Annotated[AnySettings, Field(discriminator="kind")]] = Field(min_length=1)


_GATEWAYS = Listing(_File, "gateway", "gateways", "ARI_APP_GATEWAYS_FILE", GatewaysError)


def load_gateways(path: Path | None, inbox_folder: Path) -> tuple[BaseGateway, ...]:
    """The gateways, in the order in which they are to be tried.

    Without ``path`` it is test mode: an inbox in ``inbox_folder`` for each of SMS, e-mail and push.

    Raises:
        GatewaysError: the file cannot be read, is not private though it holds secrets, or says something wrong.
    """
    if path is None:
        return tuple(_test_mode(inbox_folder))
    return tuple(
        Inbox(one, inbox_folder) if isinstance(one, InboxSettings) else one.build() for one in read(path).gateways
    )


def _test_mode(folder: Path) -> Iterator[Inbox]:
    for channel in ("sms", "email", "push"):
        yield Inbox(
            InboxSettings.model_validate({"kind": "inbox", "name": f"inbox-{channel}", "channel": channel}), folder
        )


def read(path: Path) -> _File:
    """The file, checked.

    Raises:
        GatewaysError: as `load_gateways`.
    """
    return _GATEWAYS.read(path)
