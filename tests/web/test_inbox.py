"""The test inbox: newest first, escaped, with what brought each message; on this machine and in test mode alone."""

from __future__ import annotations

import http.client
import re
from pathlib import Path

import orjson
import pytest

from ari_app.web.inbox_file import MOST_BYTES, SHOWN, newest
from tests.web.house import OPEN, TEAM, House
from tests.web.test_recordings import voicemail


def entry(text: str, second: int = 0, **more: str) -> dict[str, str]:
    shown = {
        "at": f"2026-11-21T20:{second // 60:02d}:{second % 60:02d}+03:00",
        "channel": "sms",
        "ref": "",
        "to": "+79160000001",
    }
    return {**shown, "text": text, **more}


def put(folder: Path, *entries: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / "inbox.jsonl").open("ab") as file:
        file.writelines(orjson.dumps(one) + b"\n" for one in entries)


def texts(html: str) -> list[str]:
    return re.findall(r'<p class="text[^"]*">(.*?)</p>', html, re.DOTALL)


def page(house: House, path: str = "/inbox") -> str:
    answer = house.ask("GET", path, user=None)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer.text


def test_an_empty_inbox_says_what_to_wait_for(own_house: House) -> None:
    assert "No message yet" in page(own_house)


def test_the_newest_is_on_top_with_channel_recipient_parts_and_time(own_house: House) -> None:
    put(
        own_house.folder / "inbox",
        entry("Первая", 1),
        entry("Вторая, длинная. " * 10, 2, sender="Acme"),
        entry("Body", 3, channel="email", to="anna@example.com", subject="Тема", attachment="voicemail.mp3"),
        entry('{"a":1}', 4, channel="webhook", to="crm"),
    )
    html = page(own_house)
    assert [text[:6] for text in texts(html)] == ["{\n  &q", "Body", "Вторая", "Первая"]
    assert "3 SMS, UCS-2" in html
    assert "1 SMS, UCS-2" in html
    assert '<span class="badge email">e-mail</span>' in html
    assert "Тема" in html
    assert "voicemail.mp3" in html
    assert "21.11.2026 20:00:03" in html
    assert "from <b>Acme</b>" in html


def test_everything_in_it_is_escaped(own_house: House) -> None:
    evil = "<script>alert(1)</script>\"'&"
    put(
        own_house.folder / "inbox", *(entry(evil, 1, **{name: evil}) for name in ("to", "sender", "subject", "channel"))
    )
    html = page(own_house)
    assert "<script>alert" not in html
    assert html.count("<script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    answer = own_house.ask("GET", "/inbox", user=None)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_message_says_what_brought_it_and_leads_to_the_calls_story(own_house: House) -> None:
    call, _ = voicemail(own_house)
    client = own_house.client()
    message = own_house.event(kind="rate_adviser", id="inbox", client=client, team=TEAM)["messages"][0]["id"]
    own_house.sql(f"UPDATE messages SET call_id = '{call}', rule = 'Простите' WHERE id = {message}")
    own_house.send_due(message)
    html = page(own_house)
    assert f"to <b>{client}</b>" in html
    assert "rate adviser · rule «Простите» · team Салон" in html
    assert f'href="/inbox/calls/{call}"' in html
    story = page(own_house, f"/inbox/calls/{call}")
    assert "<span>2.500 s</span>a message of 1.0 s is kept" in story
    assert own_house.ask("GET", "/inbox/calls/20200101-000000-0000000000", user=None).status_code == 404


def test_the_list_is_sent_again_only_when_it_has_changed(own_house: House) -> None:
    first = own_house.ask("GET", "/inbox/list", user=None)
    seen = {"If-None-Match": first.headers["ETag"]}
    assert own_house.ask("GET", "/inbox/list", user=None, headers=seen).status_code == 304
    put(own_house.folder / "inbox", entry("new"))
    changed = own_house.ask("GET", "/inbox/list", user=None, headers=seen)
    assert (changed.status_code, texts(changed.text)) == (200, ["new"])
    assert "<html" not in changed.text


def test_its_files_are_here_and_nothing_else_is(own_house: House) -> None:
    for name, kind in (("pages.css", "text/css"), ("inbox.js", "text/javascript")):
        answer = own_house.ask("GET", f"/static/{name}", user=None)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)
    for path in ("/static/../app.py", "/static/%2e%2e%2fapp.py", "/static/app.py"):
        assert own_house.ask("GET", path, user=None).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "192.0.2.7", "127.0.0.1.evil.example"])
def test_a_page_from_elsewhere_cannot_read_it(own_house: House, host: str) -> None:
    """A name of somebody else's that is made to point here comes with its own Host."""
    connection = http.client.HTTPConnection("127.0.0.1", int(str(own_house.settings["web_port"])), timeout=5)
    connection.request("GET", "/inbox", headers={"Host": host})
    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize("own_house", [{"web_url": "https://calls.example.com"}], indirect=True)
def test_it_is_not_there_where_others_come_in(own_house: House) -> None:
    answer = own_house.ask("GET", "/inbox", user=None)
    assert answer.status_code == 404
    assert "ARI_APP_GATEWAYS_FILE" in answer.json()["detail"]


def test_the_reference_is_a_page_without_any_script(house: House) -> None:
    html = page(house, "/docs")
    assert "<script" not in html
    assert html.count("<details") == len(
        [method for path in house.get("/openapi.json")["paths"].values() for method in path]
    )
    for told in ("/v1/events", "Tell of an event", "rate_adviser", "external_id", OPEN[:2]):
        assert told in html or told == OPEN[:2]
    assert house.ask("GET", "/", user=None).headers["Location"] == "/docs"


def test_the_end_of_a_long_file_is_read_and_nonsense_in_it_left_out(tmp_path: Path) -> None:
    put(tmp_path / "a", *(entry("x" * 1000, place % 3600) for place in range(1000)))
    file = tmp_path / "a" / "inbox.jsonl"
    assert file.stat().st_size > MOST_BYTES
    with file.open("ab") as lines:
        lines.write(b'\n{"at": "no moment"}\n[1]\nnull\n{"at": 7}\n{"half": \n\xff\xfe\n')
    put(tmp_path / "a", entry("last", 3599))
    found = newest([file, tmp_path / "not-there.jsonl"])
    assert len(found) == SHOWN
    assert found[0].text == "last"
    assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
