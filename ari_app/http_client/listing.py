"""Reads a YAML file that lists things of several kinds, such as gateways: every mistake at once, no secret in any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError

from ari_app.http_client.settings import Reading, Strict, check_private

F = TypeVar("F", bound=Strict)


@dataclass(frozen=True, slots=True)
class Listing(Generic[F]):
    """Such a file: its ``model`` has one list, called ``plural``, of entries with names of their own. ``variable`` is
    the setting that names the file, ``error`` what is raised for it, with a line for each mistake."""

    model: type[F]
    singular: str
    plural: str
    variable: str
    error: type[Exception]

    def read(self, path: Path) -> F:
        """The file, checked.

        Raises:
            Exception: ``error``; the file cannot be read, is not private though it holds secrets, or says something
                wrong.
        """
        try:
            given = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise self.error(f"{path} cannot be read: {error.strerror}; {self.variable} names it") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise self.error(f"{path} is no YAML: {_where(error)}") from None
        reading = Reading(path.parent)
        try:
            found = self.model.model_validate(given, context=reading)
        except ValidationError as errors:
            raise self.error("\n".join(f"{path}: {line}" for line in self._lines(errors, given))) from None
        names = Counter(one.name for one in getattr(found, self.plural))
        if twice := [name for name, count in names.items() if count > 1]:
            named = f"{self.singular} {twice[0]}"
            raise self.error(f"{path}: {named}: name: there are two of that name; give each its own")
        if reading.plain_secrets:
            try:
                check_private(path)
            except ValueError as error:
                raise self.error(str(error)) from None
        return found

    def _lines(self, errors: ValidationError, given: Any) -> Iterator[str]:
        for error in errors.errors(include_url=False, include_input=False, include_context=False):
            place = [str(part) for part in error["loc"]]
            message = error["msg"].removeprefix("Value error, ")
            if len(place) < 2:
                yield f"{'.'.join(place) or 'the file'}: {message}; it begins with {self.plural}: and a list"
                continue
            number = int(place[1])
            entry = given[self.plural][number]
            name = entry.get("name") if isinstance(entry, dict) else None
            # After the number stands the kind, by which the union was told apart.
            field = "".join(f"{part}: " for part in (".".join(place[3:]),) if part)
            yield f"{self.singular} {name or f'number {number + 1}'}: {field}{self._plainer(error['type'], message)}"

    def _plainer(self, kind: str, message: str) -> str:
        match kind:
            case "extra_forbidden":
                return "there is no such setting; check the spelling, or take it out"
            case "missing":
                return "is missing; write it"
            case "union_tag_not_found":
                return f"kind: is missing; write which kind of {self.singular} it is"
            case "union_tag_invalid":
                return "kind: there is no such kind; " + message.partition("expected tags: ")[2].join(
                    ("there are ", "")
                )
        return message


def _where(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """The place, without the line itself, which may have a secret in it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or 'not understood'}; check the indentation"
    return "it is not UTF-8, or has control characters in it"
