"""SMS parts, against the tables of the standard, published PDUs and a published calculator."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ari_app.core.segments import (
    MOST_PARTS,
    EmptyText,
    Encoding,
    Segments,
    TextError,
    TextTooLong,
    codes,
    cost,
    plainer,
    segments,
    septets,
    split,
    udh,
    what_makes_it_ucs2,
)

# 3GPP TS 23.038, 6.2.1: the table as printed, its columns being the high three bits; and 6.2.1.1, the extension.
ROWS = (
    "@ Δ SP 0 ¡ P ¿ p",
    "£ _ ! 1 A Q a q",
    '$ Φ " 2 B R b r',
    "¥ Γ # 3 C S c s",
    "è Λ ¤ 4 D T d t",
    "é Ω % 5 E U e u",
    "ù Π & 6 F V f v",
    "ì Ψ ' 7 G W g w",
    "ò Σ ( 8 H X h x",
    "Ç Θ ) 9 I Y i y",
    "LF Ξ * : J Z j z",
    "Ø ESC + ; K Ä k ä",
    "ø Æ , < L Ö l ö",
    "CR æ - = M Ñ m ñ",
    "Å ß . > N Ü n ü",
    "å É / ? O § o à",
)
NAMED = {"SP": " ", "LF": "\n", "CR": "\r"}
BASIC = {
    NAMED.get(char, char): column * 16 + row
    for row, line in enumerate(ROWS)
    for column, char in enumerate(line.split(" "))
    if char != "ESC"
}
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
GSM7_TEXT = st.text(st.sampled_from([*BASIC, *EXTENSION]), max_size=800)
ANY_TEXT = st.one_of(st.text(max_size=400), GSM7_TEXT, st.text("Приве😜{a ", max_size=800))

DIGITS = "1234567890" * 40
# Published with libosmocore, tests/sms/sms_test.c.
LONG = "this is a testmessage. " * 6 + "cut here .....: this is a second testmessage. end here."
PART_1 = bytes.fromhex(
    "050003 6f0201 e8e8f41c949e83c2 207a794e6f97e7f3 f0b9ec02d1d1e939 283d078541f4f29c de2ecfe7e173d905"
    "a2a3d373507a0e0a 83e8e539bd5d9ecf c3e7b20b4447a7e7 a0f41c1406d1cb73 7abb3c9f87cf6517 888e4ecf41e93928"
    "0ca297e7f476793e 0f9fcb2e101d9d9e 83d2735018442fcf e9edf27c1e3e975d a0719d0e4297e565 90cbe572b974"
)
PART_2 = bytes.fromhex("050003 6f0202 4074747a0e4acf41 61d0bc3c7ebbc920 7a794e6f97e7f3f0 b9ec0295dd6410ba 2c2fbb00")


def unpack(octets: bytes, count: int) -> list[int]:
    bits = "".join(f"{octet:08b}" for octet in reversed(octets))
    return [int(bits[len(bits) - 7 * (place + 1) : len(bits) - 7 * place], 2) for place in range(count)]


@pytest.mark.parametrize(("char", "code"), BASIC.items())
def test_the_basic_alphabet_is_that_of_the_standard(char: str, code: int) -> None:
    assert codes(char) == bytes((code,))


@pytest.mark.parametrize(("char", "code"), EXTENSION.items())
def test_a_character_of_the_extension_table_follows_an_escape(char: str, code: int) -> None:
    assert codes(char) == bytes((0x1B, code))


def test_nothing_else_is_gsm7() -> None:
    assert len(BASIC) == 127
    others = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)]))
    assert set(others) - set(what_makes_it_ucs2(others)) == BASIC.keys() | EXTENSION.keys()


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("", ""),
        # Quoted by every account of the PDU format; the second in cosimo/perl5-device-gsm, t/20pdu.t.
        ("hello", "E8329BFD06"),
        ("hellohello", "E8329BFD4697D9EC37"),
        ("The quick fox jumps over the lazy dog", "54741914AFA7C76B90F98D07A9EB6DF81CF4B697E5203ABA0C6287F57910F97D06"),
        # README of schnack/pdu_sms; seven septets: README of HeboTech.ATLib's tests.
        ("Hello!!!", "C8329BFD0E8542"),
        ("Tada :)", "D430390CD2A500"),
        # libosmocore, tests/sms/sms_test.c.
        ("test text", "F4F29C0EA297F174"),
        (
            "!$ a more#^- complicated test@@?_%! case",
            "2101280C6ABFE5E5D186D2028DDF6D383B3D0ED3CB6410BD3CA70300BF4829041A87E765",
        ),
        (
            "enhanced ^ {][} test |+~ ^ test",
            "65373AEC1E97C9A00D05B4416D7C1BDE2605A297E774D006B8DAF4401B0A885E9ED301",
        ),
        (
            "enhanced ^ {][} test |+~ ^ tests",
            "65373AEC1E97C9A00D05B4416D7C1BDE2605A297E774D006B8DAF4401B0A885E9ED3E7",
        ),
    ],
)
def test_packing_agrees_with_published_vectors(text: str, packed: str) -> None:
    assert septets(text) == bytes.fromhex(packed)


def test_a_published_message_of_two_parts_is_made_to_the_octet() -> None:
    parts = split(LONG)
    headers = [udh(0x6F, len(parts), number) for number in (1, 2)]
    made = [header + septets(part, len(header)) for header, part in zip(headers, parts, strict=True)]
    assert made == [PART_1, PART_2]
    assert [len(codes(part)) for part in parts] == [153, 40]


@given(GSM7_TEXT, st.integers(0, 12))
def test_what_is_packed_unpacks_to_the_same(text: str, header_octets: int) -> None:
    fill = -8 * header_octets % 7
    octets = septets(text, header_octets)
    count = len(codes(text))
    shifted = (int.from_bytes(octets, "little") >> fill).to_bytes(len(octets) + 1, "little")
    assert bytes(unpack(shifted, count)) == codes(text)
    assert len(octets) == -(-(fill + 7 * count) // 8)


def test_only_gsm7_is_packed() -> None:
    with pytest.raises(TextError, match="'П', 'и' is not in the GSM 7-bit alphabet; send the text as UCS-2"):
        septets("Пи OK")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # TwilioDevEd/message-segment-calculator, tests/index.test.js and tests/segments.test.js (sizes there in bits).
        ("{" + DIGITS[1:159], Segments(Encoding.GSM7, 160, 1, 0)),
        ("{" + DIGITS[1:160], Segments(Encoding.GSM7, 161, 2, 145)),
        ("😜" + DIGITS[1:69], Segments(Encoding.UCS2, 70, 1, 0)),
        ("😜" + DIGITS[1:70], Segments(Encoding.UCS2, 71, 2, 63)),
        (DIGITS[:307], Segments(Encoding.GSM7, 307, 3, 152)),
        ("😜" + DIGITS[1:134], Segments(Encoding.UCS2, 135, 3, 66)),
        # help.orderry.com: at most 536 Cyrillic and 1224 Latin characters in eight SMS.
        ("я" * 536, Segments(Encoding.UCS2, 536, 8, 0)),
        ("a" * 1224, Segments(Encoding.GSM7, 1224, 8, 0)),
        # The bounds themselves.
        ("a", Segments(Encoding.GSM7, 1, 1, 159)),
        ("a" * 160, Segments(Encoding.GSM7, 160, 1, 0)),
        ("a" * 161, Segments(Encoding.GSM7, 161, 2, 145)),
        ("a" * 306, Segments(Encoding.GSM7, 306, 2, 0)),
        ("€" * 80, Segments(Encoding.GSM7, 160, 1, 0)),
        ("я" * 70, Segments(Encoding.UCS2, 70, 1, 0)),
        ("я" * 71, Segments(Encoding.UCS2, 71, 2, 63)),
        ("я" * 134, Segments(Encoding.UCS2, 134, 2, 0)),
        # One character that is not cut in two leaves a unit of its part empty.
        ("a" * 152 + "€" + "a" * 151, Segments(Encoding.GSM7, 305, 2, 0)),
        ("a" * 152 + "€" + "a" * 152, Segments(Encoding.GSM7, 306, 3, 152)),
        ("я" * 66 + "😜" + "я" * 65, Segments(Encoding.UCS2, 133, 2, 0)),
        ("я" * 66 + "😜" + "я" * 66, Segments(Encoding.UCS2, 134, 3, 66)),
        ("a" * 1530, Segments(Encoding.GSM7, 1530, 10, 0)),
    ],
)
def test_parts_are_counted_as_published_calculators_do(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\r\n", "\u00a0", "\u200b\u200d \ufeff"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(EmptyText, match="empty; write what"):
        segments(text)


def test_a_text_too_long_says_by_how_much() -> None:
    with pytest.raises(TextTooLong, match="takes 11 SMS, 10 at most are sent; shorten it by 3 characters"):
        segments("a" * 1533)


@pytest.mark.parametrize("half", [0xD800, 0xD83D, 0xDFFF])
def test_half_a_character_is_refused(half: int) -> None:
    with pytest.raises(TextError, match="lone surrogate"):
        segments(f"ok {chr(half)}")


@given(ANY_TEXT)
def test_parts_make_the_text_fit_their_room_and_are_as_few_as_can_be(text: str) -> None:
    try:
        parts, counted = split(text), segments(text)
    except TextError:
        assume(False)
        raise
    assert "".join(parts) == text
    assert counted.parts == len(parts) <= MOST_PARTS
    gsm7 = counted.encoding is Encoding.GSM7
    sizes = [len(codes(part)) if gsm7 else len(part.encode("utf-16-be")) // 2 for part in parts]
    room = (160 if gsm7 else 70) if len(parts) == 1 else (153 if gsm7 else 67)
    assert sum(sizes) == counted.units
    assert counted.units_left == room - sizes[-1]
    # All but the last are full, save for the one unit that a double character could not be put in.
    assert all(room - 1 <= size <= room for size in sizes[:-1])
    assert 0 < sizes[-1] <= room


def test_the_characters_that_make_it_dear_are_named_once_each() -> None:
    assert what_makes_it_ucs2("Cafe «Ё» «Ё» {€}") == ("«", "Ё", "»")
    assert what_makes_it_ucs2("Cafe (E)") == ()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("«Acme» – we’ll call you back… " * 3, '"Acme" - we\'ll call you back... ' * 3),
        ("Zażółć gęślą jaźń " * 5, "Zazolc gesla jazn " * 5),
        ("«Acme» will call you back", None),  # one SMS either way
        ("«Мы перезвоним вам» " * 5, None),
        ("a" * 200, None),
        ("\u200b\ufeff" * 50, None),
        ("№" * 600, None),  # dearer when plain
        ("«a»" * 300, '"a"' * 300),  # too long as it is
    ],
)
def test_a_plainer_text_is_proposed_where_it_is_cheaper(text: str, plain: str | None) -> None:
    assert plainer(text) == plain


@pytest.mark.parametrize(
    ("reference", "total", "number", "header"),
    # 05 00 03 CC 02 01: the example of Wikipedia's "Concatenated SMS".
    [
        (0xCC, 2, 1, "050003CC0201"),
        (0xCC, 2, 2, "050003CC0202"),
        (0, 255, 255, "05000300FFFF"),
        (255, 1, 1, "050003FF0101"),
    ],
)
def test_the_concatenation_header_is_that_of_the_standard(reference: int, total: int, number: int, header: str) -> None:
    assert udh(reference, total, number) == bytes.fromhex(header)


@pytest.mark.parametrize(
    ("reference", "total", "number"), [(256, 2, 1), (-1, 2, 1), (1, 2, 0), (1, 2, 3), (1, 256, 1), (1, 0, 0)]
)
def test_a_header_that_fits_no_octet_is_refused(reference: int, total: int, number: int) -> None:
    with pytest.raises(ValueError, match="needs 1 to 255"):
        udh(reference, total, number)


def test_the_price_is_by_the_part() -> None:
    assert cost(3, Decimal("2.35")) == Decimal("7.05")
    assert cost(0, Decimal(0)) == 0


@pytest.mark.parametrize(("parts", "price"), [(-1, "1"), (1, "-0.01"), (1, "NaN"), (1, "Infinity")])
def test_a_price_that_makes_no_sense_is_refused(parts: int, price: str) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        cost(parts, Decimal(price))
