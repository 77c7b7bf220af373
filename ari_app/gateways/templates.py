"""Requests and answers that the configuration describes: placeholders, and where a value stands in an answer.

Nothing is evaluated: a placeholder is a word of a fixed set, a place is a path or a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ari_app.http_client.client import Answer, Request
from ari_app.http_client.settings import Secret, Strict

WORDS = ("to", "to_digits", "text", "ref", "sender", "subject", "id")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SECRET = re.compile(r"secret\.[a-z][a-z0-9_]{0,30}\Z")


def placeholders(template: Any) -> Iterator[str]:
    """The words in braces of a text, or of all texts in a structure."""
    match template:
        case str():
            yield from _PLACEHOLDER.findall(template)
        case Mapping():
            for value in template.values():
                yield from placeholders(value)
        case list():
            for value in template:
                yield from placeholders(value)


def _known(template: Any) -> Any:
    for word in placeholders(template):
        if word not in WORDS and not _SECRET.match(word):
            allowed = ", ".join(f"{{{known}}}" for known in WORDS)
            raise ValueError(f"{{{word}}} is no placeholder; there are {allowed} and {{secret.NAME}}")
    return template


Template = Annotated[str, AfterValidator(_known)]
Structure = Annotated[Any, AfterValidator(_known)]


def fill(template: Any, values: Mapping[str, str], *, escape: bool = False) -> Any:
    """The text, or structure of texts, with each placeholder replaced; ``escape`` for a place in a URL."""
    match template:
        case str():

            def value(found: re.Match[str]) -> str:
                plain = values.get(found[1], "")
                return quote(plain, safe="") if escape else plain

            return _PLACEHOLDER.sub(value, template)
        case Mapping():
            return {key: fill(one, values) for key, one in template.items()}
        case list():
            return [fill(one, values) for one in template]
    return template


def _url_template(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "{" in parts.netloc or "@" in parts.netloc:
        raise ValueError("must begin with https:// and a host, with no placeholder and no password in it")
    return url


UrlTemplate = Annotated[Template, AfterValidator(_url_template)]


class Call(Strict):
    """A request to a provider; at most one of ``form`` and ``json``."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    url: UrlTemplate
    query: dict[str, Template] = Field(default_factory=dict)
    form: dict[str, Template] | None = None
    json_body: Structure = Field(None, alias="json")
    headers: dict[str, Template] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_body(self) -> Call:
        if self.form is not None and self.json_body is not None:
            raise ValueError("json: a request has one body; write form or json")
        return self

    def words(self) -> set[str]:
        """All placeholders in it."""
        parts = (self.url, self.query, self.form, self.json_body, self.headers)
        return {word for part in parts for word in placeholders(part)}

    def request(self, values: Mapping[str, str], headers: Mapping[str, str], basic: tuple[str, str] | None) -> Request:
        """The request with its placeholders filled."""
        return Request(
            self.method,
            fill(self.url, values, escape=True),
            fill(self.query, values) or None,
            fill(self.form, values),
            fill(self.json_body, values),
            headers={**fill(self.headers, values), **headers},
            basic=basic,
        )


class Basic(Strict):
    """HTTP Basic."""

    user: str
    password: Secret


class HeaderSecret(Strict):
    """A header with a key."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,60}$")
    value: Secret


class Auth(Strict):
    """How we prove who we are: one of these."""

    basic: Basic | None = None
    bearer: Secret | None = None
    header: HeaderSecret | None = None

    @model_validator(mode="after")
    def _one(self) -> Auth:
        if sum(one is not None for one in (self.basic, self.bearer, self.header)) != 1:
            raise ValueError("write one of basic, bearer and header")
        return self

    def headers(self) -> dict[str, str]:
        """The headers that prove it."""
        if self.bearer is not None:
            return {"Authorization": f"Bearer {self.bearer.get_secret_value()}"}
        return {self.header.name: self.header.value.get_secret_value()} if self.header is not None else {}

    def login(self) -> tuple[str, str] | None:
        """User and password, if they do."""
        return (self.basic.user, self.basic.password.get_secret_value()) if self.basic is not None else None


def at(found: Any, path: str) -> str | None:
    """The value at ``a.b.0`` or ``/a/b/0`` (RFC 6901), as text; None if there is none, or no simple one."""
    if path.startswith("/"):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    else:
        steps = path.split(".")
    value = walk(found, steps)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def walk(found: Any, steps: list[str]) -> Any:
    """What lies at the end of the steps; None if they lead nowhere."""
    for step in steps:
        if isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping):
            found = found.get(step)
        else:
            return None
    return found


def _regex(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if pattern and groups != 1:
        raise ValueError("must have one group, (...), around the value")
    return pattern


class Place(Strict):
    """Where a value stands in an answer: a path in its JSON, or a regular expression on its text."""

    path: str = ""
    regex: Annotated[str, AfterValidator(_regex)] = ""

    @model_validator(mode="after")
    def _one(self) -> Place:
        if bool(self.path) == bool(self.regex):
            raise ValueError("write a path such as result.id, or {regex: ...}")
        return self

    def find(self, answer: Answer) -> str:
        """The value; empty if it is not there."""
        if self.regex:
            found = re.search(self.regex, answer.text)
            return (found[1] or "") if found else ""
        return at(answer.json(), self.path) or ""


Where = Annotated[Place, BeforeValidator(lambda given: {"path": given} if isinstance(given, str) else given)]
