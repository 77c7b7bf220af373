"""Makes dial strings: a template of the configuration and a validated number or endpoint name, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ari_app.core.numbering import E164, ENDPOINT_NAME, printable
from ari_app.core.outcomes import LegEnd, LegOutcome
from ari_app.core.scheme import Destination, TargetKind
from ari_app.ports import LegRefused

_TEMPLATE = re.compile(r"PJSIP/[A-Za-z0-9_.@{}+-]+")


@dataclass(frozen=True, slots=True)
class DialTemplates:
    """How destinations are dialed: ``number`` holds ``{number}`` (E.164) or ``{digits}`` (the same without plus),
    ``endpoint`` holds ``{name}``.

    Raises:
        ValueError: a template that is not PJSIP's or lacks its placeholder. Local channels would run dialplan contexts.
    """

    number: str = "PJSIP/{number}@trunk"
    endpoint: str = "PJSIP/{name}"

    def __post_init__(self) -> None:
        for template, fields in ((self.number, ("{number}", "{digits}")), (self.endpoint, ("{name}",))):
            braces = re.findall(r"\{[^}]*\}?|\}", template)
            if not _TEMPLATE.fullmatch(template) or len(braces) != 1 or braces[0] not in fields:
                raise ValueError(f"dial template {template!r} must be PJSIP/... with {' or '.join(fields)} in it once")

    def target_of(self, dial_string: str) -> str:
        """Whom a dial string rings: the number or name it was made of; itself, if these templates did not make it."""
        for template, allowed in ((self.number, E164), (self.endpoint, ENDPOINT_NAME)):
            before, after = re.split(r"\{\w+\}", template)
            if dial_string.startswith(before) and dial_string.endswith(after):
                made_of = dial_string[len(before) : len(dial_string) - len(after)]
                target = f"+{made_of}" if "{digits}" in template else made_of
                if allowed.fullmatch(target):
                    return target
        return dial_string

    def render(self, destination: Destination) -> str:
        """The dial string for a destination.

        Raises:
            LegRefused: what should be a number or a name is neither. Schemes are checked when they are loaded; this is
                the last door, so that nothing but digits or a short name ever passes it.
        """
        target = destination.target
        if destination.kind is TargetKind.NUMBER and E164.fullmatch(target):
            return self.number.format(number=target, digits=target[1:])
        if destination.kind is TargetKind.ENDPOINT and ENDPOINT_NAME.fullmatch(target):
            return self.endpoint.format(name=target)
        raise LegRefused(LegEnd(LegOutcome.REFUSED, text=f"{printable(target)!r} is no {destination.kind.value}"))
