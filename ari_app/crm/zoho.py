"""What Zoho's products have in common: the accounts server and the scheme of its tokens.

https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html (a token lasts an hour, the refresh token
until it is revoked; ten tokens in ten minutes at most; refusals come with status 200 as well, and no token).
"""

from __future__ import annotations

from typing import ClassVar

from ari_app.crm.oauth import OAuthSettings

SCHEME = "Zoho-oauthtoken"
SCOPES = frozenset({"OAUTH_SCOPE_MISMATCH", "SCOPE_MISMATCH"})
"""Codes of a 401 that no new token would help."""


class ZohoSettings(OAuthSettings):
    """``url`` and ``token_url`` are those of the data centre that the account is in; of .com by default."""

    renewed_at: ClassVar[str] = "https://accounts.zoho.com/oauth/v2/token"
