"""The gateways of a deployment, from a YAML file; or, without one, test mode.

Every mistake is told at once, each on a line: file, gateway, field, what is wrong and how to mend it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

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
from ari_app.http_client.settings import Reading, Strict, check_private

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
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GatewaysError(f"{path} cannot be read: {error.strerror}; ARI_APP_GATEWAYS_FILE names it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GatewaysError(f"{path} is no YAML: {_where(error)}") from None
    reading = Reading(path.parent)
    try:
        found = _File.model_validate(given, context=reading)
    except ValidationError as errors:
        raise GatewaysError("\n".join(f"{path}: {line}" for line in _lines(errors, given))) from None
    if twice := [name for name, count in Counter(one.name for one in found.gateways).items() if count > 1]:
        raise GatewaysError(f"{path}: gateway {twice[0]}: name: there are two of that name; give each its own")
    if reading.plain_secrets:
        try:
            check_private(path)
        except ValueError as error:
            raise GatewaysError(str(error)) from None
    return found


def _where(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """The place, without the line itself, which may have a secret in it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or 'not understood'}; check the indentation"
    return "it is not UTF-8, or has control characters in it"


def _lines(errors: ValidationError, given: Any) -> Iterator[str]:
    for error in errors.errors(include_url=False, include_input=False, include_context=False):
        place = [str(part) for part in error["loc"]]
        message = error["msg"].removeprefix("Value error, ")
        if len(place) < 2:
            yield f"{'.'.join(place) or 'the file'}: {message}; it begins with gateways: and a list"
            continue
        number = int(place[1])
        entry = given["gateways"][number]
        name = entry.get("name") if isinstance(entry, dict) else None
        # After the number stands the kind, by which the union was told apart.
        field = "".join(f"{part}: " for part in (".".join(place[3:]),) if part)
        yield f"gateway {name or f'number {number + 1}'}: {field}{_plainer(error['type'], message)}"


def _plainer(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "there is no such setting; check the spelling, or take it out"
        case "missing":
            return "is missing; write it"
        case "union_tag_not_found":
            return "kind: is missing; write which kind of gateway it is"
        case "union_tag_invalid":
            return "kind: there is no such kind; " + message.partition("expected tags: ")[2].join(("there are ", ""))
    return message
