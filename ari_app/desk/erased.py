"""What stands for a client whose data were erased: random, the same in every row of theirs, and no way back."""

from __future__ import annotations

import re
import secrets

_PSEUDONYM = re.compile(r"erased-[0-9a-f]{16}")


def new_pseudonym() -> str:
    """A name that no key and no list leads back from."""
    return f"erased-{secrets.token_hex(8)}"


def is_erased(text: str | None) -> bool:
    """Whether it stands for an erased client."""
    return text is not None and _PSEUDONYM.fullmatch(text) is not None
