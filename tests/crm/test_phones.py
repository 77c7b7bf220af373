"""Which of the numbers that people type into a CRM are the caller's."""

from __future__ import annotations

import pytest

from ari_app.crm.phones import forms, grouped, national, same_phone

PHONE = "+79165557840"


@pytest.mark.parametrize(
    "kept",
    ["+79165557840", "79165557840", 79165557840, "+7 (916) 555-78-40", "tel: +7 916 555 78 40",
     "+7 916 555 78 40 ext. 12", "+7 916 555\u201178\u201140, office"],
)  # fmt: skip
def test_with_its_country_code_it_is_known_anywhere(kept: object) -> None:
    assert same_phone(kept, PHONE, "ZZ")
    assert same_phone(kept, PHONE, "US")


@pytest.mark.parametrize("kept", ["8 (916) 555-78-40", "89165557840", "9165557840", "916 555 78 40"])
def test_without_it_it_is_known_in_its_own_country(kept: str) -> None:
    assert same_phone(kept, PHONE, "RU")
    assert not same_phone(kept, PHONE, "ZZ")
    assert not same_phone(kept, PHONE, "US"), "(916) 555-7840 is a number in Sacramento"


@pytest.mark.parametrize(
    "kept",
    ["", "none", "5557840", "+7 916 555 78 41", "+1 916 555 7840", None, True, 7.9165557840e10, [PHONE], {"n": PHONE},
     "0" * 100_000, "+" * 100, "1" * 60, "\x00+79165557841", "٧٩١٦٥٥٥٧٨٤٠"],
)  # fmt: skip
def test_anything_else_is_another(kept: object) -> None:
    assert not same_phone(kept, PHONE, "RU")


def test_what_is_searched_for() -> None:
    assert national(PHONE) == "9165557840"
    assert national("+390612345678") == "0612345678", "Italy's zero belongs to the number"
    assert forms(PHONE, "ZZ") == (PHONE, "9165557840")
    assert forms(PHONE, "RU") == (PHONE, "89165557840", "9165557840")


@pytest.mark.parametrize(
    ("phone", "words"),
    [(PHONE, "916 555 78 40"), ("+14155550100", "415 555 0100"), ("+442079460958", "20 7946 0958")],
)
def test_the_words_of_a_punctuated_number(phone: str, words: str) -> None:
    assert grouped(phone) == words
