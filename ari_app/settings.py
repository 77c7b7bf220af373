"""The deployment's settings: environment variables ``ARI_APP_...`` and an env file, checked before all else."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import phonenumbers
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from ari_app.ari.settings import AriSettings
from ari_app.core.admission import AdmissionLimits
from ari_app.core.deployment import Deployment
from ari_app.core.numbering import DialPolicy
from ari_app.core.outcomes import HangUpCause
from ari_app.core.recipients import TextPolicy
from ari_app.core.scheme import Greeting, HangUpStep, Step, VoicemailStep
from ari_app.core.window import SendingWindow, WindowError
from ari_app.dialstring import DialTemplates
from ari_app.message_settings import MessageSettings, Prefixes

ENV_FILES = ("ari-app.env", ".run/ari-app.env")
"""Looked for in this order in the working folder, unless ARI_APP_ENV_FILE names one."""

Language = Literal["ru", "uk", "pl", "en"]


class SettingsError(Exception):
    """The settings are wrong; the message has a line for each, with its variable's name."""


class Settings(MessageSettings):
    """Every setting; each field is the variable ``ARI_APP_`` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ARI_APP_", env_file_encoding="utf-8", extra="ignore", frozen=True)

    database_url: str = Field("sqlite:///ari-app.sqlite3", repr=False, description="sqlite:///FILE or postgresql://...")
    ari_url: str = Field("http://127.0.0.1:8088/ari", description="Asterisk's REST interface")
    ari_user: str = Field("ari-app", description="as in Asterisk's ari.conf")
    ari_password: SecretStr = Field(
        SecretStr(""), description="as in Asterisk's ari.conf; or ARI_APP_ARI_PASSWORD_FILE"
    )
    ari_password_file: Path | None = Field(None, description="a file of mode 0600 that holds the password alone")
    ari_application: str = Field("ari-app", description="the Stasis application's name, as in the dialplan")

    agi_host: str = Field("127.0.0.1", description="where `ari-app agi` listens; it asks for no password")
    agi_port: int = Field(4573, ge=1, le=65535, description="and its TCP port, as in the dialplan")

    rescue_seconds: float = Field(
        5.0, ge=0, le=3600, description="callers of a controller silent for so long go to the dialplan; 0: never"
    )
    controller_health: str = Field(
        "", description="where `ari-app agi` asks whether it lives; unset: at its monitor port's /healthz"
    )

    monitor_host: str = Field("127.0.0.1", description="where metrics, health and readiness are asked for")
    monitor_port: int = Field(8071, ge=0, le=65535, description="those of `ari-app serve`; 0: off")
    sender_monitor_port: int = Field(8072, ge=0, le=65535, description="those of `ari-app sender`; 0: off")
    agi_monitor_port: int = Field(8073, ge=0, le=65535, description="those of `ari-app agi`; 0: off")

    region: str = Field("RU", pattern="^[A-Z]{2}$", description="country of numbers dialled without + (ISO 3166)")
    language: Language = Field("ru", description="language of the default greetings")
    number_template: str = Field("PJSIP/{number}@trunk", description="how E.164 numbers are dialed")
    endpoint_template: str = Field("PJSIP/{name}", description="how named endpoints are dialed")
    dial_allowed_prefixes: Prefixes = Field((), description="only these may be dialed, such as +7 +380; empty: all")
    dial_denied_prefixes: Prefixes = Field((), description="never dialed")
    dial_costly: bool = Field(False, description="allow premium-rate, shared-cost and satellite numbers")

    default_action: Literal["voicemail", "hang_up"] = Field(
        "voicemail", description="for numbers unknown, disabled, without scheme or at an hour no branch covers"
    )
    outside_calls_a_day: int = Field(
        0, ge=0, description="so often a scheme that says nothing rings numbers outside in a day at most; 0: no limit"
    )
    max_call_seconds: int = Field(4 * 3600, ge=60, le=24 * 3600, description="no call outlives it")
    most_calls: int = Field(500, ge=0, description="calls live at once; a new one beyond that is refused; 0: no limit")
    most_calls_a_second: float = Field(
        100.0, ge=0, le=10_000, description="new calls a second on average, twice as many in a burst; 0: no limit"
    )
    overload: Literal["refuse", "fallback"] = Field(
        "refuse", description="what a call beyond those limits gets: 503 at once, or the dialplan's fallback"
    )
    shutdown_seconds: float = Field(30.0, ge=0, description="how long a stop waits for live calls")

    crm_file: Path | None = Field(
        None, description="the CRMs that know who is responsible for a caller, in YAML (0600); none: nobody is asked"
    )
    messages_folder: Path = Field(Path("messages"), description="voicemail messages are kept here (0700)")
    state_folder: Path | None = Field(
        None, description="the journal's spool and the last schemes (0700); unset: `state` beside the messages folder"
    )
    greetings_folder: Path | None = Field(None, description="own greetings, where Asterisk finds them as ari-app/own")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return url

    @field_validator("region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        """Of a country that has no plan every number without + would be none at all."""
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{region!r} is no country with a numbering plan; the United Kingdom, say, is GB")
        return region

    @model_validator(mode="before")
    @classmethod
    def _password_from_file(cls, given: Any) -> Any:
        path = given.get("ari_password_file") if isinstance(given, dict) else None
        if path and not given.get("ari_password"):
            given["ari_password"] = _secret(Path(path))
        return given

    @property
    def ari(self) -> AriSettings:
        """How to reach Asterisk."""
        return AriSettings(self.ari_url, self.ari_user, self.ari_password.get_secret_value(), self.ari_application)

    @property
    def health_url(self) -> str:
        """Where the controller's health is asked for; empty where it is not told."""
        if self.controller_health or not self.monitor_port:
            return self.controller_health
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.monitor_host, self.monitor_host)  # noqa: S104 - asked, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.monitor_port}/healthz"

    @property
    def state(self) -> Path:
        """Where the controller keeps what must outlive it while the database is away."""
        return self.state_folder or self.messages_folder.absolute().parent / "state"

    @property
    def admission(self) -> AdmissionLimits:
        """How many calls are let in."""
        return AdmissionLimits(self.most_calls, self.most_calls_a_second, self.overload == "fallback")

    @property
    def dial_policy(self) -> DialPolicy:
        """Which numbers may be dialed."""
        return DialPolicy(self.dial_allowed_prefixes, self.dial_denied_prefixes, self.dial_costly)

    @property
    def dial_templates(self) -> DialTemplates:
        """How destinations are dialed."""
        return DialTemplates(self.number_template, self.endpoint_template)

    @property
    def default_greeting(self) -> Greeting:
        """The greeting that ships with the product, in the deployment's language."""
        return Greeting(f"universal ({self.language})", f"ari-app/{self.language}/greeting")

    @property
    def deployment(self) -> Deployment:
        """What is the same for every message. Raises ValueError, naming the variable."""
        try:
            window = SendingWindow.parse(self.sending_hours, self.sending_zone)
        except WindowError as error:
            raise ValueError(f"ARI_APP_SENDING_HOURS and ARI_APP_SENDING_ZONE: {error}") from None
        return Deployment(
            company=self.company,
            sender=self.sender_name,
            window=window,
            expiry=timedelta(hours=self.message_expiry_hours),
            text_policy=TextPolicy(
                self.text_landlines, self.text_allowed_prefixes, self.text_denied_prefixes, self.region
            ),
            language=self.language,
        )

    @property
    def default_steps(self) -> tuple[Step, ...]:
        """What a call gets that no scheme provides for."""
        if self.default_action == "hang_up":
            return (HangUpStep(HangUpCause.UNKNOWN_NUMBER),)
        return (VoicemailStep(self.default_greeting),)


def load(env_file: Path | None = None) -> Settings:
    """Read the settings; the environment wins over the file.

    Raises:
        SettingsError: a value is wrong, or a file with a secret in it can be read by others.
    """
    path = env_file or _env_file()
    if path is not None:
        _check_private(path)
    try:
        settings = Settings(_env_file=path)
        _ = (
            settings.dial_templates,
            settings.deployment,
            settings.ari if settings.ari_password.get_secret_value() else None,
        )
    except ValidationError as errors:
        raise SettingsError("\n".join(_line(error) for error in errors.errors())) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return settings


def _line(error: Any) -> str:
    name = "_".join(part for part in error["loc"] if isinstance(part, str)) or "settings"
    return f"ARI_APP_{name.upper()}: {error['msg'].removeprefix('Value error, ')}"


def _env_file() -> Path | None:
    if named := os.environ.get("ARI_APP_ENV_FILE"):
        if not Path(named).is_file():
            raise SettingsError(f"ARI_APP_ENV_FILE names {named}, and there is no such file")
        return Path(named)
    return next((Path(name) for name in ENV_FILES if Path(name).is_file()), None)


def _secret(path: Path) -> str:
    _check_private(path)
    return path.read_text(encoding="utf-8").strip()


def _check_private(path: Path) -> None:
    """A file that may hold a password is for its owner's eyes only."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{path} may be read by others; it holds secrets, so: chmod 600 {path}")
