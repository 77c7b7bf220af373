"""Tokens that expire: renewed once for all who ask, kept privately, and never lost to a look-up's haste."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from ari_app.crm import tokens
from ari_app.crm.base import CrmLimited
from tests.crm.test_conformance import RENEWING, Connect, connect, each_renewing, first, trouble
from tests.crm.vendors.base import PHONE, TOKEN_PATH, Driver
from tests.gateways.providers import Received, Reply

__all__ = ["connect"]
pytestmark = pytest.mark.promise("RNG-15")
ONE = RENEWING[0]
one_vendor = pytest.mark.parametrize("driver", [ONE], ids=lambda one: one.name)


def kept(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "tokens.json").read_text())
    return found


@each_renewing
def test_the_first_token_is_asked_for_and_kept(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    fake.token = "never given"
    crm, _ = connect(driver, fake)
    assert crm.find(first(driver), PHONE, 5.0)
    assert kept(tmp_path)["access"] == fake.token
    assert stat.S_IMODE(os.stat(tmp_path / "tokens.json").st_mode) == 0o600
    assert crm.find(first(driver), PHONE, 5.0)
    assert len(fake.renewals) == 1
    again = driver.make(f"http://127.0.0.1:{connect(driver, fake)[1].port}", tmp_path)
    assert again.find(first(driver), PHONE, 5.0), "another process goes by what is kept"
    assert len(fake.renewals) == 1


@each_renewing
def test_an_expired_token_is_renewed_and_the_request_made_again(connect: Connect, driver: Driver) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    crm, _ = connect(driver, fake)
    assert crm.find(first(driver), PHONE, 5.0)
    fake.token = "expired at the vendor's"
    assert crm.find(first(driver), PHONE, 5.0)
    assert len(fake.renewals) == 2


@each_renewing
def test_a_token_that_is_refused_again_is_not_renewed_again(connect: Connect, driver: Driver) -> None:
    fake = driver.fake()
    fake.admits = lambda received: False  # type: ignore[method-assign]  # stand-in
    crm, server = connect(driver, fake)
    assert "credentials" in str(trouble(crm, first(driver)))
    assert len(fake.renewals) == 2, "the first, and one more"
    assert len([one for one in server.received if one.path != TOKEN_PATH]) == 2


@each_renewing
def test_a_renewal_that_is_refused(connect: Connect, driver: Driver) -> None:
    fake = driver.fake()
    fake.renewed = lambda received: fake.refused  # type: ignore[method-assign]  # stand-in
    crm, server = connect(driver, fake)
    error = trouble(crm, first(driver))
    assert "authorise us anew" in str(error)
    assert [one for one in server.received if one.path != TOKEN_PATH] == []


@each_renewing
@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"access_token": 7}', b'{"access_token": "a\\nX-Evil: 1"}', b'{"access_token": ""}',
     b'{"access_token": "good", "refresh_token": 7}', {"access_token": "x" * 10_000}],
)  # fmt: skip
def test_a_renewal_that_makes_no_sense(connect: Connect, driver: Driver, body: Any, tmp_path: Path) -> None:
    crm, _ = connect(driver, lambda received: Reply(200, body))
    assert "does not renew" in str(trouble(crm, first(driver)))
    assert not (tmp_path / "tokens.json").exists()


@each_renewing
def test_tokens_that_are_asked_for_too_often(connect: Connect, driver: Driver) -> None:
    for reply, seconds in ((Reply(429), 60.0), (Reply(429, b"", {"Retry-After": "7"}), 7.0)):
        crm, _ = connect(driver, reply)
        error = trouble(crm, first(driver))
        assert isinstance(error, CrmLimited)
        assert error.retry_after == seconds


@one_vendor
def test_tokens_are_asked_for_over_tls(driver: Driver, tmp_path: Path) -> None:
    given = {"allow_private": False, "token_url": "http://tokens.example.com"}
    with pytest.raises(ValueError, match="token_url: is not encrypted"):
        driver.make("https://crm.example.com", tmp_path, **given)


@one_vendor
def test_a_token_near_its_end_is_renewed_while_it_is_used(connect: Connect, driver: Driver) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    plain, renewed, again = fake.tokens, fake.renewed, threading.Event()
    fake.tokens = lambda: plain() | {"expires_in": 60}  # type: ignore[method-assign]  # stand-in
    fake.admits = lambda received: True  # type: ignore[method-assign]  # stand-in

    def told(received: Received) -> Any:
        if len(fake.renewals) > 1:
            again.set()
        return renewed(received)

    fake.renewed = told  # type: ignore[method-assign]  # stand-in
    crm, _ = connect(driver, fake)
    assert crm.find(first(driver), PHONE, 5.0)
    assert again.wait(5)


@one_vendor
def test_who_ask_at_once_renew_once(connect: Connect, driver: Driver) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    crm, _ = connect(driver, fake)
    threads = [threading.Thread(target=crm.find, args=(first(driver), PHONE, 10.0)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fake.renewals) == 1


@one_vendor
def test_a_renewal_outlives_a_look_up_that_has_no_more_time(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    go_on = threading.Event()

    def slow(received: Received) -> Any:
        if received.path == TOKEN_PATH:
            go_on.wait(10)
        return fake(received)

    crm, _ = connect(driver, slow, read_timeout=20)
    assert "being renewed" in str(trouble(crm, first(driver), within_seconds=0.2))
    go_on.set()
    assert crm.find(first(driver), PHONE, 5.0)
    assert len(fake.renewals) == 1, "the next look-up waits for the same renewal"
    assert kept(tmp_path)["refresh"] == fake.refresh


@one_vendor
def test_what_another_process_has_renewed_is_taken(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    crm, server = connect(driver, fake)
    crm.find(first(driver), PHONE, 5.0)
    fake.token = "gone"
    assert driver.make(server.url, tmp_path).find(first(driver), PHONE, 5.0), "the other one"
    assert crm.find(first(driver), PHONE, 5.0)
    assert len(fake.renewals) == 2


@one_vendor
def test_another_process_that_renews_is_waited_for(
    connect: Connect, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOCK_SECONDS", 0.1)
    fake = driver.fake(*driver.record(first(driver)))
    crm, _ = connect(driver, fake)
    with (tmp_path / "tokens.json.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another process" in str(trouble(crm, first(driver)))
    assert fake.renewals == []
    assert crm.find(first(driver), PHONE, 5.0)


@one_vendor
def test_what_another_process_renews_meanwhile_is_not_renewed_again(
    connect: Connect, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    crm, _ = connect(driver, fake)
    crm.find(first(driver), PHONE, 5.0)
    renewed = kept(tmp_path)
    (tmp_path / "tokens.json").write_text(json.dumps(renewed | {"access": "expired", "expires_at": 1.0}))
    waits, found = threading.Event(), list[Any]()

    def waiting(_: float) -> None:
        waits.set()

    monkeypatch.setattr("ari_app.crm.tokens.time.sleep", waiting)
    with (tmp_path / "tokens.json.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: found.append(crm.find(first(driver), PHONE, 10.0)))
        thread.start()
        assert waits.wait(5)
        (tmp_path / "tokens.json").write_text(json.dumps(renewed))
    thread.join()
    assert found[0] is not None
    assert len(fake.renewals) == 1


@one_vendor
def test_another_refresh_token_in_the_configuration_counts(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    fake = driver.fake(*driver.record(first(driver)))
    crm, server = connect(driver, fake)
    crm.find(first(driver), PHONE, 5.0)
    fake.token, fake.refresh = "gone", "authorised anew"
    again = driver.make(server.url, tmp_path, refresh_token="authorised anew")
    assert again.find(first(driver), PHONE, 5.0)


@one_vendor
def test_the_file_is_not_for_others(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    crm, _ = connect(driver, driver.fake())
    crm.find(first(driver), PHONE, 5.0)
    (tmp_path / "tokens.json").chmod(0o644)
    assert "chmod 600" in str(trouble(crm, first(driver)))
    with pytest.raises(ValueError, match="chmod 600"):
        driver.make("http://127.0.0.1:9", tmp_path)


@one_vendor
def test_a_file_that_is_none_of_ours(connect: Connect, driver: Driver, tmp_path: Path) -> None:
    crm, _ = connect(driver, driver.fake())
    for content in (b"", b"[]", b'{"access": 7}', b'{"other": "x"}', b"{"):
        (tmp_path / "tokens.json").write_bytes(content)
        (tmp_path / "tokens.json").chmod(0o600)
        assert "remove it" in str(trouble(crm, first(driver)))


@one_vendor
def test_tokens_that_cannot_be_kept(
    connect: Connect, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    crm, _ = connect(driver, driver.fake())
    monkeypatch.setattr(os, "replace", full)
    assert "No space left" in str(trouble(crm, first(driver)))
    assert list(tmp_path.glob("tokens.json.new")) == [], "nothing secret is left lying about"


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
@one_vendor
def test_a_part_that_is_missing(driver: Driver, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: missing"):
        driver.make("http://127.0.0.1:9", tmp_path, **{name: None})


@one_vendor
def test_a_folder_that_is_none(driver: Driver, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder that can be written to"):
        driver.make("http://127.0.0.1:9", tmp_path, tokens_file="not/there.json")
