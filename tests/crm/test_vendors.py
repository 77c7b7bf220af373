"""What is each vendor's own: one test that finds every kind of record, and what it documents beside the common."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ari_app.crm.base import CrmLimited, Manager
from tests.crm.test_conformance import Connect, connect, trouble
from tests.crm.vendors import amocrm, bitrix24, hubspot, pipedrive, retailcrm, salesforce, zoho_crm, zoho_desk
from tests.crm.vendors.base import CLIENT_SECRET, PHONE, SECRET, TOKEN_PATH, Driver, Record
from tests.gateways.providers import Received, Reply

__all__ = ["connect"]
pytestmark = pytest.mark.promise("RNG-15")


def found(connect: Connect, driver: Driver) -> None:
    """Whoever is responsible, for each kind of record at once."""
    records = [one for place, kind in enumerate(driver.settings.known) for one in driver.record(kind, 10 * place + 1)]
    crm, _ = connect(driver, driver.fake(*records))
    for kind in driver.settings.known:
        assert crm.find(kind, PHONE, 5.0) == Manager(driver.own_id(7), "Мария Орлова", driver.user_email), kind


@pytest.mark.parametrize("driver", [pipedrive.TOKEN, pipedrive.OAUTH], ids=["token", "oauth"])
def test_pipedrive_finds_whoever_is_responsible(connect: Connect, driver: Driver) -> None:
    found(connect, driver)


def test_hubspot_finds_whoever_is_responsible(connect: Connect) -> None:
    found(connect, hubspot.HUBSPOT)


def test_zoho_desk_finds_whoever_is_responsible(connect: Connect) -> None:
    found(connect, zoho_desk.ZOHO_DESK)


def test_zoho_crm_finds_whoever_is_responsible(connect: Connect) -> None:
    found(connect, zoho_crm.ZOHO_CRM)


@pytest.mark.parametrize("driver", [salesforce.REFRESH, salesforce.JWT], ids=["refresh-token", "jwt"])
def test_salesforce_finds_whoever_is_responsible(connect: Connect, driver: Driver) -> None:
    found(connect, driver)


@pytest.mark.parametrize("driver", [amocrm.TOKEN, amocrm.OAUTH], ids=["token", "oauth"])
def test_amocrm_finds_whoever_is_responsible(connect: Connect, driver: Driver) -> None:
    found(connect, driver)


def test_bitrix24_finds_whoever_is_responsible(connect: Connect) -> None:
    found(connect, bitrix24.BITRIX24)


def test_retailcrm_finds_whoever_is_responsible(connect: Connect) -> None:
    found(connect, retailcrm.RETAILCRM)


def test_pipedrives_token_is_in_no_address(connect: Connect) -> None:
    crm, server = connect(pipedrive.TOKEN, pipedrive.FakePipedrive(*pipedrive.TOKEN.record("deal")))
    crm.find("deal", PHONE, 5.0)
    assert [one.path for one in server.received] == ["/api/v2/persons/search", "/api/v2/deals", "/api/v1/users/7"]
    assert SECRET not in "".join(one.target for one in server.received)
    assert server.received[0].query["term"] == "9165557840", "what however written forms have in common"


def test_pipedrive_is_renewed_by_basic(connect: Connect) -> None:
    fake = pipedrive.FakePipedrive(*pipedrive.OAUTH.record("deal"))
    crm, _ = connect(pipedrive.OAUTH, fake)
    crm.find("deal", PHONE, 5.0)
    assert fake.renewals[0].headers["authorization"].startswith("Basic ")
    assert "client_secret" not in fake.renewals[0].form


def test_pipedrives_token_or_an_application_not_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="api_token: is enough"):
        pipedrive.TOKEN.make("http://127.0.0.1:9", tmp_path, client_id="x")
    with pytest.raises(ValueError, match="or api_token in place of all"):
        pipedrive.TOKEN.make("http://127.0.0.1:9", tmp_path, api_token=None)


def test_hubspot_is_asked_for_no_more_than_it_takes(connect: Connect) -> None:
    contacts = [Record("contact", number, owner=0, phones=(PHONE,)) for number in range(100, 108)]
    deal = Record("deal", 1, of=(103,))
    crm, server = connect(hubspot.HUBSPOT, hubspot.FakeHubSpot(*contacts, deal))
    assert crm.find("deal", PHONE, 5.0)
    assert [len(one.json["filterGroups"]) for one in server.received if one.body] == [4, 5]


def test_hubspots_mobile_counts_too(connect: Connect) -> None:
    record = Record("contact", 1, phones=("+1 202 555 0100", "+7 (916) 555-78-40"))
    crm, _ = connect(hubspot.HUBSPOT, hubspot.FakeHubSpot(record))
    assert crm.find("contact", PHONE, 5.0)


@pytest.mark.parametrize("driver", [zoho_crm.ZOHO_CRM, bitrix24.BITRIX24], ids=["zoho-crm", "bitrix24"])
def test_a_scope_that_is_missing_is_no_expired_token(connect: Connect, driver: Driver) -> None:
    fake = driver.fake()
    crm, server = connect(driver, lambda received: fake(received) if received.path == TOKEN_PATH else driver.forbidden)
    assert "rights" in str(trouble(crm, "contact"))
    assert len([one for one in server.received if one.path != TOKEN_PATH]) == 1


@pytest.mark.parametrize("driver", [zoho_desk.ZOHO_DESK, zoho_crm.ZOHO_CRM], ids=["desk", "crm"])
def test_zoho_is_asked_in_each_form_that_a_number_is_kept_in(connect: Connect, driver: Driver) -> None:
    crm, server = connect(driver, driver.fake(), region="RU")
    assert crm.find("contact", PHONE, 5.0) is None
    asked = [one.query.get("_all") or one.query.get("phone") for one in server.received if one.path != TOKEN_PATH]
    assert asked == [PHONE, "89165557840", "9165557840"]


def test_zoho_desk_reads_on_after_a_full_page(connect: Connect) -> None:
    alike = [Record("contact", number, phones=("+79261117840",)) for number in range(1000, 1050)]
    crm, _ = connect(zoho_desk.ZOHO_DESK, zoho_desk.FakeZohoDesk(*alike, Record("contact", 1, phones=(PHONE,))))
    assert crm.find("contact", PHONE, 5.0)


def test_zoho_crms_stages_may_be_ones_own(connect: Connect) -> None:
    driver = zoho_crm.ZOHO_CRM
    crm, _ = connect(driver, driver.fake(*driver.record("deal")), closed_stages=["Qualification"])
    assert crm.find("deal", PHONE, 5.0) is None


def test_salesforce_is_asked_at_its_own_address_whatever_it_says(connect: Connect) -> None:
    """The answer with the token names another instance."""
    crm, server = connect(salesforce.REFRESH, salesforce.FakeSalesforce(*salesforce.REFRESH.record("ticket")))
    assert crm.find("ticket", PHONE, 5.0)
    assert len(server.received) == 4


@pytest.mark.parametrize("kept", ["+7 (916) 555-78-40", "+7 916 555 78 40", "+79165557840"])
def test_salesforce_finds_a_number_however_it_is_punctuated(connect: Connect, kept: str) -> None:
    crm, _ = connect(salesforce.REFRESH, salesforce.FakeSalesforce(Record("contact", 1, phones=(kept,))))
    assert crm.find("contact", PHONE, 5.0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"client_secret": "x"}, "stands in for client_secret"),
        ({"username": None}, "username: missing"),
        ({"private_key_file": "other.pem"}, "no RSA private key"),
        ({"version": "../62.0"}, "version"),
    ],
    ids=["both", "no-username", "no-key", "version"],
)
def test_salesforces_settings(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    (tmp_path / "other.pem").touch(0o600)
    with pytest.raises(ValueError, match=told):
        salesforce.JWT.make("http://127.0.0.1:9", tmp_path, **given)


def test_amocrm_without_the_right_to_users_names_them_by_id(connect: Connect) -> None:
    fake = amocrm.FakeAmoCrm(*amocrm.TOKEN.record("lead"))

    def answer(received: Received) -> Any:
        return amocrm.FORBIDDEN if "/users/" in received.path else fake(received)

    crm, server = connect(amocrm.TOKEN, answer)
    assert crm.find("lead", PHONE, 5.0) == Manager("7")
    assert crm.find("lead", PHONE, 5.0) == Manager("7")
    assert len([one for one in server.received if "/users/" in one.path]) == 1


def test_hubspots_owner_who_is_gone_is_named_by_id(connect: Connect) -> None:
    fake = hubspot.FakeHubSpot(*hubspot.HUBSPOT.record("deal"))

    def answer(received: Received) -> Any:
        gone = Reply(404, {"status": "error", "message": "Owner not found"})
        return gone if "/owners/" in received.path else fake(received)

    crm, _ = connect(hubspot.HUBSPOT, answer)
    assert crm.find("deal", PHONE, 5.0) == Manager("7")


def test_amocrms_refresh_token_is_good_once(connect: Connect, tmp_path: Path) -> None:
    fake = amocrm.FakeAmoCrm(*amocrm.OAUTH.record("lead"))
    crm, server = connect(amocrm.OAUTH, fake)
    for _ in range(3):
        fake.token = "expired"
        assert crm.find("lead", PHONE, 5.0)
    assert [one.json["refresh_token"] for one in fake.renewals][:1] == [SECRET]
    assert len({one.json["refresh_token"] for one in fake.renewals}) == len(fake.renewals)
    assert amocrm.OAUTH.make(server.url, tmp_path).find("lead", PHONE, 5.0), "the next process has the last one"
    assert CLIENT_SECRET not in (tmp_path / "tokens.json").read_text()


def test_amocrms_own_address_renews_its_tokens(connect: Connect) -> None:
    fake = amocrm.FakeAmoCrm()
    crm, server = connect(amocrm.OAUTH, lambda received: fake.refused, token_url=None)
    trouble(crm, "lead")
    assert [one.path for one in server.received] == ["/oauth2/access_token"]


def test_bitrix24_says_until_when_a_method_is_blocked(connect: Connect) -> None:
    until = int(time.time()) + 3000
    blocked = Reply(429, {"error": "OPERATION_TIME_LIMIT", "time": {"operating_reset_at": until}})
    crm, _ = connect(bitrix24.BITRIX24, blocked)
    error = trouble(crm, "lead")
    assert isinstance(error, CrmLimited)
    assert 2900 < error.retry_after <= 3000


def test_bitrix24_is_asked_for_all_forms_at_once(connect: Connect) -> None:
    crm, server = connect(bitrix24.BITRIX24, bitrix24.FakeBitrix24(), region="RU")
    assert crm.find("lead", PHONE, 5.0) is None
    [asked] = server.received
    assert asked.json == {"type": "PHONE", "values": [PHONE, "89165557840", "9165557840"], "entity_type": "LEAD"}


def test_bitrix24s_secret_is_told_to_nobody(connect: Connect) -> None:
    crm, _ = connect(bitrix24.BITRIX24, Reply(500, {"error": "INTERNAL_SERVER_ERROR", "error_description": SECRET[:3]}))
    assert "INTERNAL_SERVER_ERROR" in str(trouble(crm, "lead"))


def test_retailcrms_statuses_are_read_once(connect: Connect) -> None:
    driver = retailcrm.RETAILCRM
    crm, server = connect(driver, driver.fake(*driver.record("order")))
    assert crm.find("order", PHONE, 5.0)
    assert crm.find("order", PHONE, 5.0)
    assert len([one for one in server.received if one.path.endswith("/statuses")]) == 1


def test_retailcrms_groups_may_be_ones_own(connect: Connect) -> None:
    driver = retailcrm.RETAILCRM
    crm, _ = connect(driver, driver.fake(*driver.record("order")), closed_groups=["new"])
    assert crm.find("order", PHONE, 5.0) is None


def test_retailcrm_refuses_with_status_200_too(connect: Connect) -> None:
    crm, _ = connect(retailcrm.RETAILCRM, Reply(200, {"success": False, "errorMsg": "Account does not exist."}))
    assert "Account does not exist" in str(trouble(crm, "order"))
