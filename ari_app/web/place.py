"""Where the interface may listen: at this machine alone, or behind a proxy that encrypts."""

from __future__ import annotations

import ipaddress

from ari_app.message_settings import MessageSettings


class NotAllowedThere(ValueError):
    """The settings would open the interface to others without encryption; the message says the mend."""


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or address, is this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_place(settings: MessageSettings) -> None:
    """Refuse to listen where tokens and numbers would go over a net in the clear.

    Raises:
        NotAllowedThere: beyond loopback, and no proxy is said to stand in front.
    """
    if not is_loopback(settings.web_host) and not settings.web_url:
        raise NotAllowedThere(
            f"ARI_APP_WEB_HOST: at {settings.web_host} tokens and numbers would go over the net in the clear; "
            "listen at 127.0.0.1, or put a proxy with TLS in front and name its address in ARI_APP_WEB_URL "
            "(https://...)"
        )
