"""``ari-app call``: a real SIP test call through the running system, told live."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path

import click

from ari_app.cli.asterisk import AsteriskAri, AsteriskUnavailable
from ari_app.cli.calls import call_json
from ari_app.cli.checked_call import Setting, differences, pairs_json, print_beside, told
from ari_app.cli.faults import Failed
from ari_app.cli.lab_caller import Behaviour, LabCaller
from ari_app.cli.screen import clean, json_option, print_json, screen
from ari_app.cli.site import database, env_file_option, read_book, require_ari, settings_of
from ari_app.cli.timeline import Moment, legs_of, print_legs, print_moment
from ari_app.conformance import Pair
from ari_app.core.numbering import normalise
from ari_app.core.verdict import Disposition
from ari_app.settings import Settings
from ari_app.storage.history import CallHistory

_DIALLABLE = re.compile(r"\+?[0-9]{2,20}")
SECONDS = click.FloatRange(min=0, max=3600)


@click.command(short_help="Place a real SIP test call and follow it live.")
@click.option("--to", "dialled", metavar="NUMBER", help="The number to call [the first of ari-app numbers list].")
@click.option(
    "--from", "caller", metavar="NUMBER", help="The number to call from; one of its own for each call unless given."
)
@click.option("--talk", type=SECONDS, default=5, show_default=True, metavar="S", help="Hang up after talking so long.")
@click.option("--message", type=SECONDS, default=6, show_default=True, metavar="S",
              help="Hang up after speaking so long into voicemail.")  # fmt: skip
@click.option("--hang-up-after", type=SECONDS, metavar="S", help="Hang up then, whatever happens.")
@click.option("--timeout", type=SECONDS, default=120, show_default=True, metavar="S", help="Give up after so long.")
@click.option("--expect", type=click.Choice([one.value for one in Disposition]), help="Exit code 1 unless it ends so.")
@click.option("--check", is_flag=True, help="Hold it against its simulation; exit code 1 if they differ.")
@json_option
@env_file_option
def call(
    *,
    dialled: str | None,
    caller: str | None,
    talk: float,
    message: float,
    hang_up_after: float | None,
    timeout: float,
    expect: str | None,
    check: bool,
    as_json: bool,
    env_file: Path | None,
) -> None:
    """Place a real SIP call through the running Asterisk and controller, and tell what happens as it happens.

    The call comes from the lab's caller, who speaks all the time. It is real: whoever the scheme rings does ring.

    With --check its timeline is set beside that of a simulation in which legs and caller do what they did here, and
    what only one of the two has is named. For every number at once: ari-app conformance.

    \b
    Examples:
      ari-app call
      ari-app call --to +74950000101
      ari-app call --to +74950000101 --hang-up-after 2 --expect lost
      ari-app call --to +74950000103 --message 8 --expect message_left --json
      ari-app call --to +74950000102 --check
    """
    settings = settings_of(env_file)
    require_ari(settings)
    to = _diallable(dialled or _first_number(settings), "--to", settings)
    come_from = _diallable(caller or own_number(), "--from", settings)
    behaviour = Behaviour(talk, message, hang_up_after, timeout)
    setting = Setting.now(settings) if check else None
    found = placed(settings, to, come_from, behaviour, quiet=as_json)
    pairs = setting.beside(found) if setting is not None else ()
    if as_json:
        print_json({**call_json(found), **({"compared": pairs_json(pairs)} if check else {})})
    else:
        _print_end(found, pairs)
    if expect and found.call.disposition != expect:
        raise Failed(f"the call ended {found.call.disposition}, not {expect}")
    if differences(pairs):
        raise Failed(told(pairs))


def _first_number(settings: Settings) -> str:
    """The first number whose calls go by a scheme."""
    for number in read_book(settings).book.numbers.values():
        if number.enabled and number.scheme is not None:
            return number.e164
    raise Failed("no number has a scheme in force, so there is none to call by default; give one with --to")


def own_number() -> str:
    """A mobile number that no other test call of late has had, so that the journal's row is found by it."""
    return f"+7916555{secrets.randbelow(10_000):04d}"


def _diallable(text: str, option: str, settings: Settings) -> str:
    """The number as it is dialed; digits alone, for it goes into a dial string."""
    number = normalise(text, settings.region) or text
    if not _DIALLABLE.fullmatch(number):
        raise click.BadParameter(f"{text!r} is not a number such as +74950000101", param_hint=option)
    return number


def placed(settings: Settings, to: str, come_from: str, behaviour: Behaviour, *, quiet: bool) -> CallHistory:
    """Place a call between two numbers that may be dialed, and follow it to its verdict. Raises Failed."""
    out = screen()

    def tell(moment: Moment) -> None:
        if not quiet:
            print_moment(out, moment)

    with database(settings) as engine, AsteriskAri(settings.ari) as ari:
        caller = LabCaller(ari, settings.ari_application, engine, to, come_from)
        try:
            caller.place()
            return caller.follow(behaviour, tell)
        except AsteriskUnavailable as error:
            raise Failed(str(error)) from None
        finally:
            caller.hang_up()


def _print_end(found: CallHistory, pairs: Sequence[Pair]) -> None:
    out = screen()
    print_legs(out, legs_of(tuple(map(Moment.of, found.events))))
    out.print()
    if pairs:
        print_beside(out, pairs)
        out.print()
        if not differences(pairs):
            out.print(clean(told(pairs).capitalize(), "green"))
    out.print(clean(f"See it again: ari-app calls show {found.call.id}"))
