"""Reads YAML so that every complaint has its line: mappings with known keys, lists, words and whole seconds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from ari_app.core.numbering import normalise

Node = yaml.nodes.Node

_WHOLE = re.compile(r"-?\d{1,6}")
_LIMIT = re.compile(r"\d{1,9}")
_SECONDS = re.compile(r"(\d{1,5})\s*s?")


@dataclass(slots=True)
class Complaints:
    """What is wrong with one description, line by line."""

    source: str
    lines: list[tuple[int, str]] = field(default_factory=list)

    def at(self, node: Node, text: str) -> None:
        """Complain about what begins at ``node``."""
        self.lines.append((node.start_mark.line + 1, text))

    def __str__(self) -> str:
        return "\n".join(f"{self.source}, line {line}: {text}" for line, text in sorted(self.lines))


def compose(text: str, complaints: Complaints) -> Node | None:
    """The description's tree, every scalar a plain string: ``+79160000003`` and ``no`` mean what they look like."""
    try:
        node: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        complaints.lines.append((line, f"this is not YAML: {error.problem or error.context}; check the indentation"))
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        complaints.lines.append((line, f"{chr(error.character)!r} may not be in YAML: remove it, or write it escaped"))
        return None
    except RecursionError:
        complaints.lines.append((1, "lists or mappings stand within one another too deep"))
        return None
    if node is None:
        complaints.lines.append((1, "there is nothing in it; describe schemes and numbers"))
    return node


def mapping(node: Node, known: Iterable[str], what: str, complaints: Complaints) -> dict[str, Node]:
    """The node's values by key; unknown and repeated keys are complained of, with what was probably meant."""
    if not isinstance(node, yaml.MappingNode):
        complaints.at(node, f"{what} must have keys and values ({', '.join(known)})")
        return {}
    found: dict[str, Node] = {}
    names = list(known)
    for key, value in node.value:
        name = str(key.value).strip().lower().replace("_", " ")
        if name not in names:
            complaints.at(key, f"{what} has no {key.value!r}; {meant(name, names)}")
        elif name in found:
            complaints.at(key, f"{name!r} is there twice; remove one")
        else:
            found[name] = value
    return found


def meant(word: str, known: list[str]) -> str:
    """What was probably meant, or all there is."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"


def items(node: Node | None, what: str, complaints: Complaints) -> list[Node]:
    """The entries of a list; a missing one has none."""
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return []
    if not isinstance(node, yaml.SequenceNode):
        complaints.at(node, f"{what} must be a list: begin each entry with a hyphen")
        return []
    return list(node.value)


def word(node: Node | None, what: str, complaints: Complaints, default: str = "") -> str:
    """A scalar as its text, trimmed."""
    if node is None:
        return default
    if not isinstance(node, yaml.ScalarNode):
        complaints.at(node, f"{what} must be one word or line, not a list or keys")
        return default
    return str(node.value).strip()


def title(node: Node | None, what: str, complaints: Complaints, default: str = "") -> str:
    """A name: as `word`, but blanks at the ends of a quoted one belong to it, for the database may have such names."""
    text = word(node, what, complaints, default)
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    return str(node.value) if text and quoted and node is not None else text


def required(owner: Node, values: dict[str, Node], key: str, what: str, complaints: Complaints) -> str:
    """A scalar that must be there and not be empty."""
    text = word(values.get(key), f"{what}'s {key}", complaints)
    if not text and isinstance(owner, yaml.MappingNode):
        complaints.at(owner, f"{what} needs {key!r}")
    return title(values.get(key), what, complaints) if key == "name" and text else text


def seconds(node: Node | None, what: str, default: int, complaints: Complaints) -> int:
    """Whole seconds, written ``8`` or ``8 s``."""
    text = word(node, what, complaints)
    if node is None or not text:
        return default
    match = _SECONDS.fullmatch(text)
    if match is None:
        complaints.at(node, f"{what} is {text!r}; write whole seconds, such as 20")
        return default
    return int(match.group(1))


def switch(node: Node | None, what: str, default: bool, complaints: Complaints) -> bool:
    """Yes or no."""
    text = word(node, what, complaints).lower()
    if node is None or not text:
        return default
    if text not in ("yes", "no", "true", "false", "on", "off"):
        complaints.at(node, f"{what} is {text!r}; write yes or no")
    return text in ("yes", "true", "on")


def whole(node: Node | None, what: str, default: int, complaints: Complaints) -> int:
    """A whole number, which may be below zero."""
    text = word(node, what, complaints)
    if node is None or not text:
        return default
    if not _WHOLE.fullmatch(text):
        complaints.at(node, f"{what} is {text!r}; write a whole number, such as 24")
        return default
    return int(text)


def most(node: Node | None, what: str, complaints: Complaints) -> int | None:
    """A limit: a whole number; None where nothing is said."""
    text = word(node, what, complaints)
    if node is None or not text:
        return None
    if not _LIMIT.fullmatch(text):
        complaints.at(node, f"{what} is {text!r}; write a whole number such as 100, or leave it out")
        return None
    return int(text)


def e164(node: Node, text: str, what: str, region: str, complaints: Complaints) -> str:
    """The number as it must be written; another way of writing it is answered with the right one."""
    digits = ("+" if text.startswith("+") else "") + re.sub(r"[\s()+.-]", "", text)
    proposed = normalise(digits, region)
    if proposed != text:
        mend = f"write {proposed}" if proposed else "write a number such as +74950000101"
        complaints.at(node, f"{text!r} is not {what}; {mend}")
    return text
