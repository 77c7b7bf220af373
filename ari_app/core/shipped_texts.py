"""The texts that ship with the product, in its four languages: notices to staff, and what is written to tickets."""

from __future__ import annotations

from typing import NamedTuple


class Shipped(NamedTuple):
    """The texts of one language; placeholders as in messages. ``withheld`` stands for a number that is not known."""

    withheld: str
    voicemail_subject: str
    voicemail: str
    missed_subject: str
    missed: str


_TEXTS = {
    "ru": Shipped(
        "номер скрыт",
        "Голосовое сообщение: {caller}",
        "Голосовое сообщение. От кого: {caller}. Куда: {number} ({number_name}). Когда: {date} {time}.",
        "Пропущенный звонок: {caller}",
        "Пропущенный звонок. От кого: {caller}. Куда: {number} ({number_name}). Когда: {date} {time}.",
    ),
    "uk": Shipped(
        "номер приховано",
        "Голосове повідомлення: {caller}",
        "Голосове повідомлення. Від кого: {caller}. Куди: {number} ({number_name}). Коли: {date} {time}.",
        "Пропущений дзвінок: {caller}",
        "Пропущений дзвінок. Від кого: {caller}. Куди: {number} ({number_name}). Коли: {date} {time}.",
    ),
    "pl": Shipped(
        "numer ukryty",
        "Wiadomość głosowa: {caller}",
        "Wiadomość głosowa. Od: {caller}. Na numer: {number} ({number_name}). Kiedy: {date} {time}.",
        "Nieodebrane połączenie: {caller}",
        "Nieodebrane połączenie. Od: {caller}. Na numer: {number} ({number_name}). Kiedy: {date} {time}.",
    ),
    "en": Shipped(
        "number withheld",
        "Voicemail message: {caller}",
        "Voicemail message. From: {caller}. To: {number} ({number_name}). When: {date} {time}.",
        "Missed call: {caller}",
        "Missed call. From: {caller}. To: {number} ({number_name}). When: {date} {time}.",
    ),
}


def shipped(language: str) -> Shipped:
    """The texts of a language (ru, uk, pl or en); English for any other."""
    return _TEXTS.get(language, _TEXTS["en"])
