"""The settings of messages: when, how many, through what, and who may be texted; part of `ari_app.settings`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

Prefix = Annotated[str, Field(pattern=r"^\+[0-9]{1,15}$")]
"""As E.164 numbers begin; one without its plus would match none of them, and forbid nothing."""
Prefixes = Annotated[
    tuple[Prefix, ...],
    NoDecode,
    BeforeValidator(lambda v: tuple(v.replace(",", " ").split()) if isinstance(v, str) else v),
]


class MessageSettings(BaseSettings):
    """Every setting about messages; each field is the variable ``ARI_APP_`` + its name in capitals."""

    company: str = Field("", max_length=100, description="the company's name, as messages say it")
    sender_name: str = Field("", max_length=16, description="the sender that SMS show; empty: the gateway's own")
    gateways_file: Path | None = Field(None, description="the gateways, in YAML (0600); none: test mode, to the inbox")
    inbox_folder: Path = Field(Path("inbox"), description="where test mode puts what would be sent")

    sending_hours: str = Field("09:00-20:00", description="when clients are sent messages; the end is not included")
    sending_zone: str = Field("+03:00", description="the zone of those hours: +03:00, or Europe/Warsaw")
    sending_rate: float = Field(10.0, gt=0, le=10_000, description="messages a second to clients, all senders together")
    message_expiry_hours: float = Field(24.0, gt=0, le=24 * 30, description="not sent so long after it was due")

    sms_price: Decimal = Field(
        Decimal(0), ge=0, description="of one SMS part, to show before saving and for the budget"
    )
    sms_currency: str = Field("", max_length=8, description="of that price, as shown")
    sms_day_cap: int = Field(10_000, ge=0, description="SMS to clients a day at most, all in all")
    sms_prefix_cap: int = Field(0, ge=0, description="SMS a day at most to one country or operator prefix; 0: no limit")
    sms_prefix_digits: int = Field(4, ge=1, le=10, description="how many digits make such a prefix: 4 is +7916")
    sms_month_budget: Decimal = Field(Decimal(0), ge=0, description="money a month at most; 0: no limit")
    text_landlines: bool = Field(False, description="text landline numbers too")
    text_allowed_prefixes: Prefixes = Field((), description="only these may be texted, such as +7 +380; empty: all")
    text_denied_prefixes: Prefixes = Field((), description="never texted")

    web_host: str = Field("127.0.0.1", description="where the HTTP interface listens")
    web_port: int = Field(8070, ge=1, le=65535, description="the HTTP interface's port")
    web_url: str = Field(
        "",
        pattern=r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?$",
        description="what others call it through a proxy with TLS: https://calls.example.com",
    )
    web_proxies: str = Field("127.0.0.1,::1", description="addresses of that proxy, whose X-Forwarded-For is believed")
    web_rate: float = Field(20.0, gt=0, le=10_000, description="requests a second that one user may make, on average")
    user: str = Field("", description="the user that commands act as; empty: the machine's operator, who may do all")
