"""Consent: what each refusal stops and what it does not, and which texts are one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ari_app.core.consent import OptOut, Word, refusal, switched_off, word_of
from ari_app.core.messages import Channel, MessageKind

CLIENT = "+79160000001"
BULK = OptOut(CLIENT, bulk_only=True)
NO_SMS = OptOut(CLIENT, Channel.SMS)
NO_REMINDERS = OptOut(CLIENT, kind=MessageKind.ITEM_REMINDER)
NO_REMINDERS_BY_EMAIL = OptOut(CLIENT, Channel.EMAIL, MessageKind.ITEM_REMINDER)
NO_BULK_BY_PUSH = OptOut(CLIENT, Channel.PUSH, bulk_only=True)
NOTHING = OptOut(CLIENT)
SMS, EMAIL, PUSH = Channel.SMS, Channel.EMAIL, Channel.PUSH
APOLOGY, REMINDER, ADVERTISING = MessageKind.APOLOGY, MessageKind.ITEM_REMINDER, MessageKind.ADVERTISING
OPT_OUTS = st.builds(
    OptOut,
    st.just(CLIENT),
    st.sampled_from([None, *Channel]),
    st.sampled_from([None, *MessageKind]),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("opt_outs", "channel", "kind", "bulk", "why"),
    [
        ((), SMS, ADVERTISING, True, None),
        # Of advertising to many: that alone, by whatever channel.
        ((BULK,), SMS, ADVERTISING, True, "the client has refused bulk advertising"),
        ((BULK,), EMAIL, ADVERTISING, True, "the client has refused bulk advertising"),
        ((BULK,), SMS, APOLOGY, False, None),
        ((BULK,), SMS, ADVERTISING, False, None),
        # Of a channel: all of it, and no other.
        ((NO_SMS,), SMS, APOLOGY, False, "the client has refused SMS"),
        ((NO_SMS,), SMS, ADVERTISING, True, "the client has refused SMS"),
        ((NO_SMS,), EMAIL, APOLOGY, False, None),
        # Of a kind: by every channel, and no other kind.
        ((NO_REMINDERS,), SMS, REMINDER, False, "the client has refused every message of kind item_reminder"),
        ((NO_REMINDERS,), PUSH, REMINDER, False, "the client has refused every message of kind item_reminder"),
        ((NO_REMINDERS,), SMS, APOLOGY, False, None),
        # Of several at once: only where all hold.
        (
            (NO_REMINDERS_BY_EMAIL,),
            EMAIL,
            REMINDER,
            False,
            "the client has refused every message of kind item_reminder by e-mail",
        ),
        ((NO_REMINDERS_BY_EMAIL,), SMS, REMINDER, False, None),
        ((NO_REMINDERS_BY_EMAIL,), EMAIL, APOLOGY, False, None),
        ((NO_BULK_BY_PUSH,), PUSH, ADVERTISING, True, "the client has refused bulk advertising by push messages"),
        ((NO_BULK_BY_PUSH,), PUSH, ADVERTISING, False, None),
        ((NO_BULK_BY_PUSH,), SMS, ADVERTISING, True, None),
        ((NOTHING,), PUSH, APOLOGY, False, "the client has refused every message"),
        ((BULK, NO_SMS, NO_REMINDERS), SMS, REMINDER, False, "the client has refused SMS"),
        ((OptOut(CLIENT, Channel.WEBHOOK),), Channel.WEBHOOK, REMINDER, False, "the client has refused webhook"),
    ],
)
def test_a_refusal_stops_what_it_is_of_and_nothing_else(
    opt_outs: tuple[OptOut, ...], channel: Channel, kind: MessageKind, bulk: bool, why: str | None
) -> None:
    assert refusal(channel=channel, kind=kind, bulk=bulk, forced=False, opt_outs=opt_outs) == why


@given(st.lists(OPT_OUTS, max_size=4), st.sampled_from(Channel), st.sampled_from(MessageKind), st.booleans())
def test_no_tick_overrules_a_client(opt_outs: list[OptOut], channel: Channel, kind: MessageKind, bulk: bool) -> None:
    plain, forced = (
        refusal(channel=channel, kind=kind, bulk=bulk, forced=tick, opt_outs=opt_outs) for tick in (False, True)
    )
    assert (plain is None) == (forced is None)
    assert (plain is None) == (not any(one.stops(channel, kind, bulk) for one in opt_outs))
    assert forced is None or forced == f"{plain}, which the item's tick does not overrule"


@given(st.lists(OPT_OUTS, max_size=4), OPT_OUTS, st.sampled_from(Channel), st.sampled_from(MessageKind), st.booleans())
def test_one_more_refusal_never_lets_more_through(
    opt_outs: list[OptOut], another: OptOut, channel: Channel, kind: MessageKind, bulk: bool
) -> None:
    if refusal(channel=channel, kind=kind, bulk=bulk, forced=False, opt_outs=opt_outs):
        assert refusal(channel=channel, kind=kind, bulk=bulk, forced=False, opt_outs=[another, *opt_outs])


@pytest.mark.parametrize(
    ("channel", "type_on", "forced", "why"),
    [
        (SMS, True, False, None),
        (SMS, False, True, None),
        (SMS, False, False, "messages of kind item_reminder are switched off"),
        (EMAIL, True, True, None),
        (EMAIL, False, False, "messages of kind item_reminder are switched off"),
        (EMAIL, False, True, "messages of kind item_reminder are switched off; the tick forces SMS only"),
        (PUSH, False, True, "messages of kind item_reminder are switched off; the tick forces SMS only"),
    ],
)
def test_a_tick_forces_the_sms_of_a_type_that_is_off_and_no_other_channel(
    channel: Channel, type_on: bool, forced: bool, why: str | None
) -> None:
    assert switched_off(channel=channel, kind=REMINDER, type_on=type_on, forced=forced) == why


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP",
            "stop",
            "Stop.",
            " stop \n",
            "«STOP»",
            "S\u200bTOP",
            "STOP!!!",
            "STOP 🛑",
            "ＳＴＯＰ",
            "Stop all",
            "STOPALL",
        ),
        *("unsubscribe", "Cancel", "END", "quit", "revoke", "opt-out", "Remove"),
        *("СТОП", "стоп!", "Стоп все", "отписаться", "Отписка", "ОТПИСАТЬ", "отпишите меня", "otpiska"),
        *("Стоп усе", "ВІДПИСАТИСЯ", "відписатись", "відписка", "Відпишіть мене"),
        *("wypisz", "Wypisz mnie", "REZYGNUJĘ", "rezygnuje", "rezygnacja", "wypisuję się"),
        # Of letters of both alphabets.
        *(
            "CTOП",
            "СТOП",
            "SТОР",
            "ЅTOP",
            "STOП",
            "CTOP",
            "СТОР",
            "QUІT",
            "ЕND",
            "Oтписка",
        ),
    ],
)
def test_a_text_that_is_a_word_of_stopping_stops(text: str) -> None:
    assert word_of(text) is Word.STOP


@pytest.mark.parametrize(
    "text",
    [
        *("START", "start!", "Unstop", "un-stop", "opt in", "subscribe"),
        *("СТАРТ", "CTAPT", "подписаться", "Подписка", "возобновить"),
        *("підписатися", "ПІДПИСКА", "відновити", "zapisz", "Zapisz mnie", "WZNÓW", "wznow"),
    ],
)
def test_a_text_that_is_a_word_of_starting_starts(text: str) -> None:
    assert word_of(text) is Word.START


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "🛑", "ok", "no", "yes"),
        *("don't stop calling", "please stop", "stop it", "stop, call me back", "nonstop", "stopping", "stop start"),
        *("не стоп", "стоп, перезвоните", "остановка", "перезвоните", "отпишитесь по заказу", "автостоп"),
        *("не відписуйте", "nie rezygnuję", "wypiszcie fakturę", "koniec końców"),
        "stop " * 40,
        "STOP Acme",
    ],
)
def test_a_text_that_only_has_such_a_word_in_it_says_nothing(text: str) -> None:
    assert word_of(text) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP Acme", Word.STOP),
        ("acme stop", Word.STOP),
        ("СТОП Ромашка-Плюс", Word.STOP),
        ("start ромашка плюс!", Word.START),
        ("STOP +7 495 000-01-01", Word.STOP),
        ("stop 74950000101", Word.STOP),
        ("stop all acme", Word.STOP),
        ("stop acmes", None),
        ("stopacme", None),
        ("acme", None),
        ("acme stop acme", None),
        ("don't stop Acme", None),
        ("stop Acme and call me", None),
        ("stop 79160000001", None),
    ],
)
def test_the_word_may_stand_beside_whom_it_is_said_to(text: str, word: Word | None) -> None:
    assert word_of(text, ("Acme", "Ромашка Плюс", "+74950000101", "🙂")) is word


def test_a_sender_that_is_called_like_the_word_is_stopped_too() -> None:
    assert word_of("stop", ("Stop",)) is Word.STOP
    assert word_of("stop stop", ("Stop",)) is Word.STOP


@given(st.text(), st.lists(st.text(), max_size=3))
@example("\ud800", ["\x00"])
def test_any_text_can_be_asked(text: str, senders: list[str]) -> None:
    assert word_of(text, senders) in (None, *Word)


@given(
    st.sampled_from(["STOP", "ОТПИСКА", "ВІДПИСКА", "REZYGNUJĘ"]),
    st.sampled_from(["", " ", "!", "…", "\u200b", "\u00a0", "»"]),
    st.sampled_from([str.upper, str.lower, str.title, str.swapcase]),
)
def test_case_and_marks_make_no_difference(word: str, mark: str, shape: object) -> None:
    assert callable(shape)
    assert word_of(mark + shape(word) + mark) is Word.STOP
