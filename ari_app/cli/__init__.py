"""The command ``ari-app``."""

from __future__ import annotations

from ari_app.cli.main import main

__all__ = ["main"]
