"""``ari-app managers``, and the doctor's checks of CRMs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.cli.doctor_crm import examine_crms, examine_managers
from ari_app.cli.findings import Finding, Patient, State
from ari_app.cli.site import read_book, settings_of
from tests.cli.conftest import Cli

CSV = "phone,entity,open,manager,name\n+79161112233,deal,yes,anna@example.com,Anna\n"


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = CSV, name: str = "crm") -> None:
    (folder / "crm.csv").write_text(text)
    (folder / "crm.yaml").write_text(f"crms:\n  - {{kind: csv, name: {name}, file: crm.csv}}\n")
    monkeypatch.setenv("ARI_APP_CRM_FILE", str(folder / "crm.yaml"))


def examined() -> tuple[Finding, Finding]:
    settings = settings_of(None)
    patient = Patient(settings=settings, reading=read_book(settings))
    return examine_crms(patient), examine_managers(patient)


@pytest.mark.promise("RNG-13")
def test_managers_are_listed_with_all_their_destinations(cli: Cli) -> None:
    assert "lab-answers (as long as asked), lab-never (6 s)" in cli("managers", "list").stdout
    assert cli.json("managers", "list") == {
        "managers": [
            {
                "crm": "crm",
                "manager": "anna@example.com",
                "destinations": [
                    {"kind": "endpoint", "target": "lab-answers", "timeout_seconds": None},
                    {"kind": "endpoint", "target": "lab-never", "timeout_seconds": 6},
                ],
            }
        ]
    }
    cli.sql("DELETE FROM manager_destinations")
    assert "no manager has a destination" in cli("managers", "list").stdout


def test_the_doctor_asks_every_crm(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch)
    crms, managers = examined()
    assert (crms.state, managers.state) == (State.FINE, State.FINE)
    assert crms.text.startswith("crm answers in ")
    assert managers.text == "1 manager with destinations"

    configure(tmp_path, monkeypatch, CSV.replace("anna@", "ivan@"))
    managers = examined()[1]
    assert managers.state is State.WARNING
    assert managers.text == "1 manager without a destination, the first: ivan@example.com of crm"

    configure(tmp_path, monkeypatch)
    cli.sql(
        "INSERT INTO calls (id, arrived_at, caller_raw, dialled_raw) VALUES ('call', CURRENT_TIMESTAMP, '', '100')",
        "INSERT INTO call_events (call_id, seq, at_ms, kind, details) VALUES "
        """('call', 1, 0, 'no_manager', '{"why"\\:"no_destinations","crm"\\:"crm","manager"\\:"99"}'), """
        """('call', 2, 0, 'no_manager', '{"why"\\:"none","crm"\\:"crm"}')""",
    )
    assert examined()[1].text == "1 manager without a destination, the first: 99 of crm"
    cli.sql("INSERT INTO manager_destinations (crm, manager, target) VALUES ('crm', '99', '+79160000003')")
    assert examined()[1].state is State.FINE

    configure(tmp_path, monkeypatch, "nonsense")
    crms, managers = examined()
    assert (crms.state, managers.state) == (State.FAULT, State.SKIPPED)
    assert "line 1: there is no column" in crms.text


def test_the_doctor_finds_crms_that_are_not_configured(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crms = examined()[0]
    assert crms.state is State.FAULT
    assert crms.text == "destinations ask crm, which is not configured: nobody is found by it"

    configure(tmp_path, monkeypatch)
    (tmp_path / "crm.yaml").write_text("crms: []")
    crms, managers = examined()
    assert (crms.state, managers.state) == (State.FAULT, State.SKIPPED)
    assert str(tmp_path / "crm.yaml") in crms.text


def test_the_doctor_needs_the_settings_first() -> None:
    assert examine_crms(Patient()).state is examine_managers(Patient()).state is State.SKIPPED


@pytest.mark.promise("RNG-11", "RNG-14", "OUR-02")
def test_a_simulation_is_told_whom_the_crm_names(cli: Cli) -> None:
    found = cli.json("simulate", "--to", "+74950000141", "--manager", "anna@example.com", "--outcome", "answer")
    assert sorted(leg["destination"] for leg in found["legs"]) == ["lab-answers", "lab-never"]

    nobody = cli.json("simulate", "--to", "+74950000141", "--outcome", "answer")
    assert [leg["destination"] for leg in nobody["legs"]] == ["lab-answers-10"]
    told = [moment["sentence"] for moment in nobody["timeline"] if moment["kind"] == "no_manager"]
    assert told == ["no manager by crm:lead,deal: crm is not asked (--manager says whom it names)"]


def test_a_controller_with_a_wrong_configuration_does_not_begin(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, name="Wrong Name")
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "x")
    monkeypatch.setenv("ARI_APP_MONITOR_PORT", "0")
    assert "CRM Wrong Name: name: " in cli("serve", code=2).stderr
