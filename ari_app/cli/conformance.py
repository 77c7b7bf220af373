"""``ari-app conformance``: real test calls to every number, each held against its simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from ari_app.cli.call import SECONDS, own_number, placed
from ari_app.cli.checked_call import Setting, differences, pairs_json, print_beside, told
from ari_app.cli.faults import Failed
from ari_app.cli.lab_caller import Behaviour
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.cli.site import env_file_option, require_ari, settings_of
from ari_app.conformance import Pair
from ari_app.core.numbering import normalise
from ari_app.settings import Settings

BEHAVIOUR = Behaviour(talk=2.0, message=3.0)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one number's call; ``trouble`` is why there was none to compare."""

    number: str
    name: str
    call_id: str = ""
    disposition: str = ""
    pairs: Sequence[Pair] = field(default=())
    trouble: str = ""

    @property
    def conforms(self) -> bool:
        """Whether there was a call, and it went as its simulation."""
        return not self.trouble and not differences(self.pairs)

    @property
    def result(self) -> str:
        """In a few words."""
        return self.trouble or (self.disposition if self.conforms else told(self.pairs))

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` promises."""
        return {
            "number": self.number,
            "call": self.call_id or None,
            "conforms": self.conforms,
            "trouble": self.trouble or None,
            "compared": pairs_json(self.pairs),
        }


@click.command(short_help="Place a test call to every number, each held against its simulation.")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option("--at-once", type=click.IntRange(1, 50), default=8, show_default=True, metavar="N",
              help="So many calls at a time.")  # fmt: skip
@click.option(
    "--timeout", type=SECONDS, default=180, show_default=True, metavar="S", help="Give a call up after so long."
)
@json_option
@env_file_option
def conformance(
    *, numbers: tuple[str, ...], at_once: int, timeout: float, as_json: bool, env_file: Path | None
) -> None:
    """Place a real test call to each NUMBER, or to all that are listed, and hold it against its simulation.

    It does for many what `ari-app call --check` does for one. The calls are real: whoever the schemes ring does ring,
    so this is for a lab, such as the demo's. Exit code 1: some call went otherwise than its simulation, or could not
    be placed.

    \b
    Examples:
      ari-app conformance
      ari-app conformance +74950000101 +74950000105
      ari-app conformance --json | jq -r '.calls[] | select(.conforms | not) | .number'
    """
    settings = settings_of(env_file)
    require_ari(settings)
    setting = Setting.now(settings)
    listed = {number.e164: number.name for number in setting.reading.book.numbers.values()}
    wanted = [normalise(number, settings.region) or number for number in numbers] or list(listed)
    if unknown := [number for number in wanted if number not in listed]:
        raise click.BadParameter(f"{unknown[0]} is not listed; see ari-app numbers list", param_hint="NUMBER")
    behaviour = Behaviour(BEHAVIOUR.talk, BEHAVIOUR.message, None, timeout)
    checked = _all_checked(settings, {number: listed[number] for number in wanted}, behaviour, at_once, quiet=as_json)
    if as_json:
        print_json({"calls": [one.as_json() for one in checked]})
    failed = [one for one in checked if not one.conforms]
    if failed:
        raise Failed(f"{len(failed)} of {len(checked)} calls went otherwise than simulated, or did not go at all")
    if not as_json:
        screen().print(clean(f"All {len(checked)} calls went as their simulations.", "green"))


def _all_checked(
    settings: Settings, names: Mapping[str, str], behaviour: Behaviour, at_once: int, *, quiet: bool
) -> list[Checked]:
    checked = []
    with ThreadPoolExecutor(at_once) as pool:
        for one in pool.map(lambda number: _checked(settings, number, names[number], behaviour), names):
            checked.append(one)
            if not quiet:
                _print(one)
    return checked


def _checked(settings: Settings, number: str, name: str, behaviour: Behaviour) -> Checked:
    try:
        setting = Setting.now(settings)  # whose turn it is may change from call to call
        found = placed(settings, number, own_number(), behaviour, quiet=True)
        return Checked(number, name, found.call.id, str(found.call.disposition), setting.beside(found))
    except Failed as error:
        return Checked(number, name, trouble=str(error))


def _print(one: Checked) -> None:
    out = screen()
    mark = clean("✔", "green") if one.conforms else clean("✘", "bold red")
    out.print(mark, clean(f"{one.number}  {one.name}: {one.result}"), clean(f"  {one.call_id}", "dim"))
    if differences(one.pairs):
        print_beside(out, one.pairs)
