"""The CRM that is a file: what it says, what is wrong with it, and what becomes of a change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.crm.base import CrmTrouble, Manager
from ari_app.crm.configuration import CrmsError, load_crms
from ari_app.crm.csv_file import LARGEST_FILE, CsvFile, CsvSettings, FileTroubleError, read_records

HEAD = "phone,entity,open,manager,name\n"
PHONE = "+79161112233"


def csv_crm(folder: Path, text: str, **more: object) -> CsvFile:
    (folder / "crm.csv").write_text(text, encoding="utf-8")
    settings = CsvSettings.model_validate({"kind": "csv", "name": "file", "file": folder / "crm.csv", **more})
    return settings.build()


@pytest.mark.promise("RNG-12")
def test_the_newest_open_record_of_the_kind_counts(tmp_path: Path) -> None:
    crm = csv_crm(
        tmp_path,
        HEAD
        + f"{PHONE},lead,yes,7,Ivan\n{PHONE},lead,yes,8,Olga\n{PHONE},lead,no,9,Petr\n{PHONE},deal,no,9,Petr\n"
        + "+79161112244,deal,yes,9,Petr\n",
    )

    assert crm.find("lead", PHONE, 1) == Manager("8", "Olga")
    assert crm.find("deal", PHONE, 1) is None, "closed"
    assert crm.find("contact", PHONE, 1) is None, "no record of the kind"


def test_a_manager_may_be_written_as_an_email(tmp_path: Path) -> None:
    crm = csv_crm(tmp_path, HEAD + f"{PHONE},lead,yes,Ivan@Example.com,\n")

    assert crm.find("lead", PHONE, 1) == Manager("ivan@example.com", "", "ivan@example.com")


def test_a_spreadsheets_ways_of_writing_are_read(tmp_path: Path) -> None:
    text = '\ufeffName;Phone;Open;Manager;Entity\r\n"Ivan; the first";8 (916) 111-22-33;TRUE;7;Lead\r\n;;;;\r\n'
    crm = csv_crm(tmp_path, text, region="RU")

    assert crm.find("lead", PHONE, 1) == Manager("7", "Ivan; the first")


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + f"123,lead,yes,7,\n{PHONE},Big Lead,yes,7,\n{PHONE},lead,maybe,7,\n{PHONE},lead,yes,,\n")

    with pytest.raises(FileTroubleError) as trouble:
        read_records(path)

    assert str(trouble.value).splitlines() == [
        f"{path}, line 2: its phone is no number such as +79161234567",
        f"{path}, line 3: its entity is 'Big Lead'; write one such as lead, contact or deal",
        f"{path}, line 4: open is yes or no",
        f"{path}, line 5: its manager is missing; write an id or an e-mail address",
    ]


def test_no_more_mistakes_are_told_than_anybody_reads(tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text(HEAD + "123,lead,yes,7,\n" * 9)

    with pytest.raises(FileTroubleError, match="and 4 lines more"):
        read_records(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"phone,entity,manager\n", r"line 1: there is no column 'open'; the first line is phone,entity,open,manager"),
        (b"", "line 1: there is no column 'entity'"),
        (HEAD.encode() + b"\xff\n", "line 2: it is not UTF-8; save it as UTF-8"),
        (HEAD.encode() + b'"+7916', "line 2: it is no CSV: unexpected end of data; close every quotation mark"),
        (HEAD.encode() + b"a," * LARGEST_FILE, "is longer than 16 MB"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "crm.csv").write_bytes(content)

    with pytest.raises(FileTroubleError, match=said):
        read_records(tmp_path / "crm.csv")


def test_a_change_is_read_and_one_that_makes_no_sense_is_not_gone_by(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crm = csv_crm(tmp_path, HEAD + f"{PHONE},lead,yes,7,\n")
    assert crm.find("lead", PHONE, 1) == Manager("7")

    (tmp_path / "crm.csv").write_text(HEAD + f"{PHONE},lead,yes,88,\n")
    assert crm.find("lead", PHONE, 1) == Manager("88")

    (tmp_path / "crm.csv").write_text("nonsense")
    assert crm.find("lead", PHONE, 1) == Manager("88")
    assert crm.find("lead", PHONE, 1) == Manager("88")
    (tmp_path / "crm.csv").unlink()
    assert crm.find("lead", PHONE, 1) == Manager("88")
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, "each trouble once"
    assert "there is no column" in told[0]

    (tmp_path / "crm.csv").write_text(HEAD)
    assert crm.find("lead", PHONE, 1) is None


def test_a_file_that_was_never_good_is_trouble(tmp_path: Path) -> None:
    crm = csv_crm(tmp_path, "nonsense")
    (tmp_path / "crm.csv").unlink()

    with pytest.raises(CrmTrouble, match=r"crm\.csv cannot be read: No such file"):
        crm.find("lead", PHONE, 1)


@settings(deadline=None)
@given(
    content=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEAD + text).encode("utf-8", "ignore"))
)
def test_whatever_is_in_the_file_it_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("crm") / "crm.csv"
    path.write_bytes(content)
    trouble = ""
    try:
        said = [manager.id for manager in read_records(path).values()]
    except FileTroubleError as error:
        said, trouble = [], str(error)
    assert all(said)
    assert not trouble or trouble.startswith(f"{path}, line ")


def test_the_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "crm.csv").write_text(HEAD + f"{PHONE},lead,yes,7,\n")
    (tmp_path / "crm.yaml").write_text("crms:\n  - {kind: csv, name: file, file: crm.csv, entities: [deal, lead]}\n")

    (found,) = load_crms(tmp_path / "crm.yaml")

    assert (found.crm.name, found.crm.entities) == ("file", ("deal", "lead"))
    assert found.crm.find("lead", PHONE, 1) == Manager("7")
    assert found.settings.budget == 1.5


def test_without_a_configuration_there_are_no_crms() -> None:
    assert load_crms(None) == ()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{kind: csv, name: file}", "CRM file: file: is missing; write it"),
        ("{kind: csv, name: file, file: a, colour: red}", "CRM file: colour: there is no such setting"),
        ("{kind: clay, name: file}", "CRM file: kind: there is no such kind; there are 'csv'"),
        ("{name: file}", "CRM file: kind: is missing; write which kind of CRM it is"),
        (
            "{kind: csv, name: file, file: a, entities: [lead, lead]}",
            "CRM file: entities: names a kind of record twice",
        ),
        ("{kind: csv, name: file, file: a, budget: 60}", "CRM file: budget: Input should be less than or equal to 5"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_mend(tmp_path: Path, entry: str, said: str) -> None:
    (tmp_path / "crm.yaml").write_text(f"crms:\n  - {entry}\n")

    with pytest.raises(CrmsError) as trouble:
        load_crms(tmp_path / "crm.yaml")

    assert said in str(trouble.value)


def test_two_of_one_name_and_no_file_are_refused(tmp_path: Path) -> None:
    entry = "  - {kind: csv, name: file, file: a}\n"
    (tmp_path / "crm.yaml").write_text(f"crms:\n{entry}{entry}")

    with pytest.raises(CrmsError, match="CRM file: name: there are two of that name"):
        load_crms(tmp_path / "crm.yaml")
    with pytest.raises(CrmsError, match=r"none\.yaml cannot be read: No such file or directory; ARI_APP_CRM_FILE"):
        load_crms(tmp_path / "none.yaml")
