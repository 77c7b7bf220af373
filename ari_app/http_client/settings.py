"""Parts of a configuration of what we speak to: where it is, how long we wait, and secrets that are never shown."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core.core_schema import ValidationInfo


@dataclass
class Reading:
    """One reading of the file: where relative paths start, and whether a secret stands in the file itself."""

    folder: Path = field(default_factory=Path)
    plain_secrets: bool = False


def check_private(path: Path) -> None:
    """A file that holds a secret is for its owner's eyes only.

    Raises:
        ValueError: it cannot be read, or others can read it too.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"{path} may be read by others; it holds a secret, so: chmod 600 {path}")


def _read_secret(given: Any, info: ValidationInfo) -> Any:
    """A secret as it is written: itself, ``{env: NAME}`` or ``{file: path}``."""
    reading = info.context if isinstance(info.context, Reading) else Reading()
    match given:
        case {"env": str(name)} if len(given) == 1:
            if not (value := os.environ.get(name)):
                raise ValueError(f"the environment variable {name} is not set; set it, or use {{file: path}}")
            return value
        case {"file": str(name)} if len(given) == 1:
            path = reading.folder / name
            check_private(path)
            if not (text := path.read_text(encoding="utf-8").strip()):
                raise ValueError(f"{path} is empty; write the secret into it")
            return text
        case str() if given:
            reading.plain_secrets = True
            return given
        case SecretStr() if given.get_secret_value():
            return given
    raise ValueError("must be the secret in quotes, {env: NAME} or {file: path}")


Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]
"""Never part of a repr, an error or a log line."""


def _private_path(path: Path, info: ValidationInfo) -> Path:
    reading = info.context if isinstance(info.context, Reading) else Reading()
    whole = reading.folder / path
    check_private(whole)
    return whole


PrivateFile = Annotated[Path, AfterValidator(_private_path)]
"""A file of mode 0600, relative to the configuration's folder."""


def _authorities(path: Path, info: ValidationInfo) -> Path:
    reading = info.context if isinstance(info.context, Reading) else Reading()
    whole = reading.folder / path
    try:
        ssl.create_default_context(cafile=whole)
    except (OSError, ssl.SSLError):
        raise ValueError(f"{whole} cannot be read as certificates in PEM; correct the path, or the file") from None
    return whole


Authorities = Annotated[Path, AfterValidator(_authorities)]
"""A file of certificates to trust (PEM), relative to the configuration's folder."""


def _is_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with https:// and a host")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must have no user, password or # in it; a secret has a field of its own")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_is_address)]
"""A web address, without a slash at its end."""


class Strict(BaseModel):
    """A part of the configuration: nothing unknown in it, nothing of it in errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)


class Timeouts(Strict):
    """How long we wait, in seconds: until we can write, and from then until all is said."""

    connect_timeout: float = Field(5.0, gt=0, le=60)
    read_timeout: float = Field(15.0, gt=0, le=600)


class Reach(Timeouts):
    """A web address and how to get there.

    ``allow_private`` lets it be at a private or loopback address, and speak plain HTTP. ``ca_file`` are the authorities
    to trust instead of the public ones (PEM).
    """

    default_url: ClassVar[str] = ""

    url: Address = ""
    allow_private: bool = False
    ca_file: Authorities | None = None

    @model_validator(mode="before")
    @classmethod
    def _usual_address(cls, given: Any) -> Any:
        if isinstance(given, dict) and cls.default_url and "url" not in given:
            return {**given, "url": cls.default_url}
        return given

    @model_validator(mode="after")
    def _encrypted(self) -> Reach:
        if not self.url:
            raise ValueError("url: is missing; write the provider's address")
        if self.url.startswith("http://") and not self.allow_private:
            raise ValueError("url: is not encrypted; use https://, or allow_private: true within your own net")
        return self
