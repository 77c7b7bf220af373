"""Reads the documents: their fenced blocks, the commands in those, their links, and how output is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_TIMES = re.compile(r"\b\d+\.\d+\b")
_VERSION = re.compile(r"version [0-9a-f]{12}")
_RECORDING = re.compile(r"voicemail-[0-9a-f]{32}")
_DATE = re.compile(r"\b\d{2}\.\d{2}\.\d{4}\b")
_DUE = re.compile(r"\bdue at \d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its language, its text."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(REPOSITORY)}:{self.line}"


@dataclass(frozen=True)
class Example:
    """A command of a console block and what it is said to print."""

    block: Block
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.block}: {self.command}"


def blocks(*languages: str) -> list[Block]:
    """Every fenced block in one of the languages."""
    return [block for document in DOCUMENTS for block in _blocks(document) if block.language in languages]


def _blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for match in _FENCE.finditer(text):
        yield Block(document, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def examples() -> list[Example]:
    """Every `$ command` of the console blocks, with the lines that follow it."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(block, command, output))
    return found


def commands() -> list[tuple[Block, str]]:
    """Every command line of console and sh blocks, comments cut off and continued lines joined."""
    found = [(example.block, example.command) for example in examples()]
    for block in blocks("sh"):
        text = re.sub(r"\\\n\s*", "", block.text)
        found += [(block, re.sub(r"\s+# .*", "", line)) for line in text.splitlines() if line and line[0] != "#"]
    return found


def links(document: Path) -> list[str]:
    """What the document links to."""
    return _LINK.findall(_FENCE.sub("", document.read_text()))


def comparable(output: str) -> list[str]:
    """Lines of output without what differs from run to run: times, versions, names of recordings, alignment."""
    text = _RECORDING.sub("voicemail-#", _DATE.sub("#", _DUE.sub("due at #", output)))
    text = _TIMES.sub("#", _VERSION.sub("version #", text))
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def matches(told: str, printed: str) -> bool:
    """Whether a document's output is what was printed; a line of `...` stands for any number of lines."""
    pattern = "".join(r"(?:.*\n)*?" if line in ("...", "…") else re.escape(line) + r"\n" for line in comparable(told))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in comparable(printed))) is not None


def between(document: Path, marker: str) -> str:
    """The text between `<!-- marker -->` and `<!-- /marker -->`."""
    return document.read_text().split(f"<!-- {marker} -->")[1].split(f"<!-- /{marker} -->")[0].strip()
