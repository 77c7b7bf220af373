"""What a client has refused, and the words by which they refuse in a text of their own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from ari_app.core.messages import Channel, MessageKind

_CHANNEL_NAMES = {Channel.SMS: "SMS", Channel.EMAIL: "e-mail", Channel.PUSH: "push messages"}


@dataclass(frozen=True, slots=True)
class OptOut:
    """One refusal of a client (E.164). What is None or false narrows nothing: with all three so, it is of everything.

    ``bulk_only``: of advertising to many alone. A STOP by SMS is ``OptOut(client, Channel.SMS)``.
    """

    client: str
    channel: Channel | None = None
    kind: MessageKind | None = None
    bulk_only: bool = False

    def stops(self, channel: Channel, kind: MessageKind, bulk: bool) -> bool:
        """Whether a message of this channel and kind, to many or not, is refused."""
        return self.channel in (None, channel) and self.kind in (None, kind) and (bulk or not self.bulk_only)

    def __str__(self) -> str:
        what = "bulk advertising" if self.bulk_only else "every message"
        if self.kind:
            what += f" of kind {self.kind}"
        if self.channel is None:
            return what
        name = _CHANNEL_NAMES.get(self.channel, self.channel)
        return name if what == "every message" else f"{what} by {name}"


def refusal(*, channel: Channel, kind: MessageKind, bulk: bool, forced: bool, opt_outs: Iterable[OptOut]) -> str | None:
    """Why the client does not want this message, or None. ``opt_outs`` are that client's own.

    ``forced`` changes nothing: whoever ticks an item's SMS overrules the company's switches, never the client.
    """
    for opt_out in opt_outs:
        if opt_out.stops(channel, kind, bulk):
            tick = ", which the item's tick does not overrule" if forced else ""
            return f"the client has refused {opt_out}{tick}"
    return None


def switched_off(*, channel: Channel, kind: MessageKind, type_on: bool, forced: bool) -> str | None:
    """Why the company itself does not send this, or None: the type is off, unless an item's tick forces its SMS."""
    if type_on or (forced and channel is Channel.SMS):
        return None
    tick = "; the tick forces SMS only" if forced else ""
    return f"messages of kind {kind} are switched off{tick}"


class Word(StrEnum):
    """What a client says by a text of a single word."""

    STOP = "stop"
    START = "start"


# The English ones are what carriers and gateways obey. Each stands for its spelling without accents, too.
_WORDS = {
    Word.STOP: (
        "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT REMOVE "
        "СТОП СТОПВСЕ ОТПИСАТЬСЯ ОТПИСАТЬ ОТПИСКА ОТПИШИТЕ ОТПИШИТЕМЕНЯ ОТПИШИСЬ OTPISKA OTPISATSYA "
        "СТОПУСЕ ВІДПИСАТИСЯ ВІДПИСАТИСЬ ВІДПИСАТИ ВІДПИСКА ВІДПИШІТЬ ВІДПИШІТЬМЕНЕ VIDPYSKA "
        "WYPISZ WYPISZMNIE WYPISUJĘ WYPISUJĘSIĘ REZYGNUJĘ REZYGNACJA "
        # Half on the other keyboard, which the fold of lookalikes does not make whole: П and P are not alike.
        "STOП CTOP"
    ),
    Word.START: (
        "START UNSTOP OPTIN SUBSCRIBE RESUBSCRIBE "
        "СТАРТ ПОДПИСАТЬСЯ ПОДПИСКА ПОДПИШИТЕ ВОЗОБНОВИТЬ "
        "ПІДПИСАТИСЯ ПІДПИСАТИСЬ ПІДПИСКА ВІДНОВИТИ "
        "ZAPISZ ZAPISZMNIE WZNÓW"
    ),
}
# Small Cyrillic letters that look like Latin ones, or whose capitals do.
_LOOKALIKES = str.maketrans("авекмнорстухіѕј", "abekmhopctyxisj")
_LONGEST = 160


def word_of(text: str, senders: Collection[str] = ()) -> Word | None:
    """The word that the whole of a client's text is, in English, Russian, Ukrainian or Polish; else None.

    Case, punctuation, emoji, accents and letters of the other alphabet that look alike make no difference. ``senders``
    are names and numbers that we write under; one of them may stand before or behind the word, and nothing else may.
    """
    if len(text) > _LONGEST:
        return None
    tokens = _tokens(text)
    names = {"", *("".join(_tokens(sender)) for sender in senders)}
    for place in range(len(tokens) + 1):
        first, rest = "".join(tokens[:place]), "".join(tokens[place:])
        word = _known_words().get(first if rest in names else rest if first in names else "")
        if word:
            return word
    return None


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    shown = "".join(char for char in plain if unicodedata.category(char) not in ("Mn", "Cf"))
    return re.findall(r"[^\W_]+", shown.translate(_LOOKALIKES))


@lru_cache(maxsize=1)
def _known_words() -> dict[str, Word]:
    return {"".join(_tokens(one)): word for word, words in _WORDS.items() for one in words.split()}
