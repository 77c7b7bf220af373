"""What every gateway's configuration has: its name, its pace and price."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from ari_app.http_client.settings import Reach, Timeouts


class GatewaySettings(Timeouts):
    """What every gateway has. ``rate`` is messages a second; ``price`` is of one part, in the deployment's money."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="small letters, digits, hyphens; unique")
    rate: float = Field(10.0, gt=0, le=10_000)
    price: Decimal | None = Field(None, ge=0, max_digits=12, decimal_places=6)


class HttpSettings(GatewaySettings, Reach):
    """What every gateway spoken to over HTTP at one address has."""
