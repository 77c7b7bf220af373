"""Settings of CRMs whose tokens are renewed by OAuth 2, and the requests that renew them (RFC 6749, 6 and 2.3.1)."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from ari_app.crm.http import Credentials, client_of
from ari_app.crm.http_settings import HttpCrmSettings, KeptFile
from ari_app.crm.tokens import RenewedTokens
from ari_app.http_client.client import Request
from ari_app.http_client.settings import Address, Secret

_PARTS = ("client_id", "client_secret", "refresh_token", "tokens_file")


class OAuthSettings(HttpCrmSettings):
    """An application that a person has authorised once: its id, its secret, and the refresh token that came of it.

    ``tokens_file`` is where the tokens are kept from then on. ``instead`` names the field that is enough alone, where
    the vendor also gives tokens that last.
    """

    instead: ClassVar[str] = ""
    renewed_at: ClassVar[str] = ""
    """The address where the vendor renews tokens; or a path, where it is at the account's own."""

    client_id: str | None = Field(None, min_length=1, max_length=200)
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    tokens_file: KeptFile | None = None
    token_url: Address | None = None

    @model_validator(mode="after")
    def _whole(self) -> OAuthSettings:
        self.check_parts()
        return self

    @model_validator(mode="after")
    def _token_url_encrypted(self) -> OAuthSettings:
        if (self.token_url or "").startswith("http://") and not self.allow_private:
            raise ValueError("token_url: is not encrypted; use https://, or allow_private: true within your own net")
        return self

    def check_parts(self) -> None:
        """All that belongs together is there, and nothing besides.

        Raises:
            ValueError: says what is missing, or too much.
        """
        given = [name for name in _PARTS if getattr(self, name) is not None]
        alone = bool(self.instead) and getattr(self, self.instead) is not None
        if alone and given:
            raise ValueError(f"{self.instead}: is enough; take it out, or {', '.join(given)}")
        if not alone and len(given) < len(_PARTS):
            missing = ", ".join(name for name in _PARTS if name not in given)
            other = f", or {self.instead} in place of all" if self.instead else ""
            raise ValueError(f"{missing}: missing; write them{other}")

    def tokens(self, scheme: str = "Bearer", style: str = "form", **more: str) -> Credentials:
        """Credentials that are renewed at ``token_url``.

        ``style`` is how the client proves itself: in the form, by Basic, or in JSON; ``more`` is sent along.
        """
        url = self.token_url or (self.url * self.renewed_at.startswith("/") + self.renewed_at)
        secret = self.client_secret.get_secret_value() if self.client_secret else ""
        us = {"client_id": self.client_id or "", "client_secret": secret}

        def ask(refresh: str) -> Request:
            grant = {"grant_type": "refresh_token", "refresh_token": refresh, **more}
            if style == "basic":
                return Request("POST", url, form=grant, basic=(us["client_id"], secret))
            return Request("POST", url, json=us | grant) if style == "json" else _form(url, us | grant)

        assert self.tokens_file is not None and self.refresh_token is not None  # noqa: S101, PT018  # as checked above
        client = client_of(self, urlsplit(url).hostname or "")
        return RenewedTokens(client, ask, self.tokens_file, self.refresh_token.get_secret_value(), scheme)


def _form(url: str, fields: dict[str, str]) -> Request:
    return Request("POST", url, form=fields)


def bearer(secret: SecretStr) -> dict[str, str]:
    """The header of a token that lasts (RFC 6750)."""
    return {"Authorization": f"Bearer {secret.get_secret_value()}"}
