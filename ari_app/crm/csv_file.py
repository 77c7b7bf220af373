"""A CRM that is a file: who is responsible for whom, in CSV (RFC 4180), for those who have no other.

The first line names the columns, ``phone,entity,open,manager,name``, in any order; ``name`` may be missing. Each other
line is a record; of several open ones with one phone the last line is the newest. A comma or a semicolon parts the
columns, as spreadsheets write them.
"""

from __future__ import annotations

import csv
import io
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from ari_app.core.numbering import normalise, printable
from ari_app.core.responsible import ENTITY_NAME
from ari_app.crm.base import CrmTrouble, Manager
from ari_app.crm.settings import CrmSettings
from ari_app.http_client.settings import Reading

log = logging.getLogger(__name__)

LARGEST_FILE = 16 * 1024 * 1024
MOST_TOLD = 5
COLUMNS = ("phone", "entity", "open", "manager", "name")
_NEEDED = frozenset(COLUMNS) - {"name"}
_SWITCH = {**dict.fromkeys(("yes", "true", "1", "open"), True), **dict.fromkeys(("no", "false", "0", "closed"), False)}
USUAL_ORDER = ("lead", "contact", "deal", "company", "ticket", "order", "customer")
Records = Mapping[tuple[str, str], Manager]


class CsvSettings(CrmSettings):
    """A file, relative to the configuration's folder. ``region`` is the country of phones without + (ISO 3166)."""

    kind: Literal["csv"]
    file: Path
    region: str = Field("ZZ", pattern="^[A-Z]{2}$")

    @field_validator("file")
    @classmethod
    def _beside(cls, path: Path, info: ValidationInfo) -> Path:
        return info.context.folder / path if isinstance(info.context, Reading) else path

    def build(self) -> CsvFile:
        """The CRM."""
        return CsvFile(self)


class FileTroubleError(ValueError):
    """The file cannot be read; the message has every mistake, up to a few, with its line."""


@dataclass(frozen=True, slots=True)
class _Version:
    """What tells one state of a file from the next, without reading it."""

    changed_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> _Version:
        found = os.stat(path)
        return cls(found.st_mtime_ns, found.st_size, found.st_ino)


class CsvFile:
    """Reads the file once, and again when it has changed; of a change that cannot be read the last good state is gone
    by, and it is told once."""

    def __init__(self, settings: CsvSettings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._seen: _Version | None = None
        self._records: Records | None = None
        self._kinds: tuple[str, ...] = ()
        self._trouble = ""

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self._settings.name

    @property
    def entities(self) -> tuple[str, ...]:
        """As configured; else the usual ones."""
        return self._settings.entities or USUAL_ORDER

    def find(self, entity: str, phone: str, within_seconds: float) -> Manager | None:
        """As `ari_app.crm.base.Crm`; a file answers at once."""
        return self._present().get((entity, phone))

    def managers(self) -> frozenset[Manager]:
        """Everybody who is responsible for an open record. Raises `CrmTrouble`."""
        return frozenset(self._present().values())

    def _present(self) -> Records:
        path = self._settings.file
        with self._turn:
            try:
                version = _Version.of(path)
                if version != self._seen:
                    self._seen = version
                    self._records = read_records(path, self._settings.region)
                    self._trouble = ""
            except (OSError, FileTroubleError) as error:
                self._failed(f"{path} cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error))
            if self._records is None:
                raise CrmTrouble(self._trouble)
            return self._records

    def _failed(self, trouble: str) -> None:
        if trouble != self._trouble and self._records is not None:
            log.error("CRM %s goes by what its file said before: %s", self.name, trouble)
        self._trouble = trouble


def read_records(path: Path, region: str = "ZZ") -> Records:
    """Who is responsible, by kind of record and phone; open records alone.

    Raises:
        OSError: the file cannot be read.
        FileTroubleError: it is too long, or says something that is none of it.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise FileTroubleError(f"{path} is longer than {LARGEST_FILE // 1024 // 1024} MB; leave out what is closed")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileTroubleError(f"{path}, line {line}: it is not UTF-8; save it as UTF-8") from None
    table = _Table(path, region)
    records = table.read(text)
    if table.mistakes:
        more = len(table.mistakes) - MOST_TOLD
        told = [*table.mistakes[:MOST_TOLD], *([f"and {more} lines more"] if more > 0 else [])]
        raise FileTroubleError("\n".join(told))
    return records


class _Table:
    """Reads one file; goes on after a mistake, to find the others."""

    def __init__(self, path: Path, region: str) -> None:
        self.mistakes: list[str] = []
        self._path = path
        self._region = region

    def read(self, text: str) -> Records:
        head = text.partition("\n")[0]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head else ",", strict=True)
        records: dict[tuple[str, str], Manager] = {}
        try:
            columns = [column.strip().lower() for column in next(rows, [])]
            if missing := sorted(_NEEDED - set(columns)):
                self._mistake(1, f"there is no column {missing[0]!r}; the first line is {','.join(COLUMNS)}")
                return records
            for row in rows:
                if any(row):
                    records.update(self._record(dict(zip(columns, row, strict=False)), rows.line_num))
        except csv.Error as error:
            self._mistake(rows.line_num, f"it is no CSV: {error}; close every quotation mark")
        return records

    def _record(self, row: Mapping[str, str], line: int) -> Iterator[tuple[tuple[str, str], Manager]]:
        phone, entity, manager = (row.get(column, "").strip() for column in ("phone", "entity", "manager"))
        is_open = _SWITCH.get(row.get("open", "").strip().lower())
        number = normalise("".join(char for char in phone if char not in " ()-\u00a0"), self._region)
        if number is None:
            self._mistake(line, "its phone is no number such as +79161234567")
        if not ENTITY_NAME.fullmatch(entity.lower()):
            self._mistake(line, f"its entity is {printable(entity)!r}; write one such as lead, contact or deal")
        if is_open is None:
            self._mistake(line, "open is yes or no")
        if not manager:
            self._mistake(line, "its manager is missing; write an id or an e-mail address")
        if number and is_open and manager:
            email = manager.lower() if "@" in manager else ""
            yield (entity.lower(), number), Manager(email or manager, row.get("name", "").strip(), email)

    def _mistake(self, line: int, what: str) -> None:
        self.mistakes.append(f"{self._path}, line {line}: {what}")
