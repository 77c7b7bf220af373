"""The test inbox: what people find in its file and on its page."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ari_app.core.delivery import Accepted, Report, State, Unavailable
from ari_app.core.messages import Channel
from ari_app.gateways.inbox import SHOWN, Inbox, InboxSettings
from ari_app.message_ports import Letter

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def inbox(folder: Path, channel: str = "sms") -> Inbox:
    settings = InboxSettings.model_validate({"kind": "inbox", "name": f"inbox-{channel}", "channel": channel})
    moments = (AT + timedelta(seconds=second) for second in range(10_000))
    return Inbox(settings, folder, now=lambda: next(moments))


def letter(number: int, text: str = "Извините", **given: str) -> Letter:
    return Letter(ref=f"{number:032x}", channel=Channel.SMS, recipient="+79161234567", text=text, **given)


class Page(HTMLParser):
    """The articles of a page, as the text that one sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.articles: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "article":
            self.articles.append("")

    def handle_data(self, data: str) -> None:
        if self.articles:
            self.articles[-1] += data + " "


def page(folder: Path) -> Page:
    return Page((folder / "inbox.html").read_text(encoding="utf-8"))


def test_a_message_is_written_down_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "inbox"
    one = letter(1, "Привет\n«Ёж»", sender="Clinic", subject="Тема", attachment="/x/message.mp3")
    assert inbox(folder).send(one) == Accepted("inbox-" + one.ref)
    [line] = (folder / "inbox.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "id": "inbox-" + one.ref,
        "at": "2026-11-21T12:00:00+00:00",
        "gateway": "inbox-sms",
        "channel": "sms",
        "ref": one.ref,
        "to": "+79161234567",
        "sender": "Clinic",
        "subject": "Тема",
        "text": "Привет\n«Ёж»",
        "attachment": "/x/message.mp3",
    }


def test_it_is_for_the_owners_eyes_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        inbox(tmp_path / "inbox").send(letter(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "inbox").stat().st_mode) == 0o700
    for path in (tmp_path / "inbox").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_it_is_on_the_disk_before_it_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        synced.append((tmp_path / "inbox.jsonl").read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    inbox(tmp_path).send(letter(1))
    assert synced == [(tmp_path / "inbox.jsonl").read_bytes()]


def test_the_page_has_the_newest_on_top(tmp_path: Path) -> None:
    one = inbox(tmp_path)
    for number, text in enumerate(["первое", "второе", "третье"]):
        one.send(letter(number, text))
    assert [article.split()[-1] for article in page(tmp_path).articles] == ["третье", "второе", "первое"]
    assert "2026-11-21T12:00:02+00:00" in page(tmp_path).articles[0]


def test_all_channels_share_the_page(tmp_path: Path) -> None:
    for channel in ("sms", "email", "push"):
        inbox(tmp_path, channel).send(Letter("1" * 32, Channel(channel), "desk@example.com", "текст", "Тема"))
    assert len(page(tmp_path).articles) == 3
    assert "push" in page(tmp_path).articles[0]


def test_nothing_in_a_message_is_html(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;\"'"
    inbox(tmp_path).send(
        Letter(ref=evil, channel=Channel.SMS, recipient=evil, text=evil, subject=evil, sender=evil, attachment=evil)
    )
    found = page(tmp_path)
    assert not {"script", "img"} & set(found.tags)
    assert found.articles[0].count("<script>alert(1)</script>") == 6


def test_a_long_inbox_shows_its_newest(tmp_path: Path) -> None:
    one = inbox(tmp_path)
    lines = [json.dumps(_entry(number)) for number in range(3000)]
    (tmp_path / "inbox.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    one.send(letter(9999, "последнее"))
    found = page(tmp_path)
    assert len(found.articles) == SHOWN
    assert "последнее" in found.articles[0]
    assert "text 2999" in found.articles[1]


def _entry(number: int) -> dict[str, str]:
    names = ("id", "at", "gateway", "channel", "ref", "to", "sender", "subject", "attachment")
    return {**dict.fromkeys(names, ""), "text": f"text {number} " + "x" * 300}


def test_half_a_line_of_a_lost_machine_is_passed_over(tmp_path: Path) -> None:
    one = inbox(tmp_path)
    one.send(letter(1, "целое"))
    with (tmp_path / "inbox.jsonl").open("ab") as file:
        file.write(b'{"id": "half')
    one.send(letter(2, "после"))
    assert "после" in page(tmp_path).articles[0]
    assert "целое" in page(tmp_path).articles[-1]
    assert one.ask(letter(2).ref, "", "") == Report(State.DELIVERED, letter(2).ref)


def test_asking(tmp_path: Path) -> None:
    one = inbox(tmp_path)
    assert one.ask(letter(1).ref, "", "") == Report(State.QUEUED, letter(1).ref), "it never came"
    one.send(letter(1))
    assert one.ask(letter(1).ref, "inbox-1", "") == Report(State.DELIVERED, letter(1).ref, "inbox-1")
    assert one.ask("f" * 32, "", "") == Report(State.QUEUED, "f" * 32)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = inbox(tmp_path / "file").send(letter(1))
    assert isinstance(found, Unavailable)
    assert str(tmp_path / "file") in found.reason


def _send_fifty(folder: Path, first: int) -> None:
    one = inbox(folder)
    for number in range(first, first + 50):
        assert isinstance(one.send(letter(number, "x" * 2000)), Accepted)


def test_several_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_send_fifty, args=(tmp_path, first)) for first in (0, 1000, 2000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    lines = (tmp_path / "inbox.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["ref"] for line in lines}) == len(lines) == 150
    assert len(page(tmp_path).articles) == 150
