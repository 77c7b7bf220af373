"""What the documents name is there: files, headings, make targets, settings, modules; their examples are sound."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic_core import PydanticUndefined

from ari_app.agi.variables import CHANNEL_VARIABLES
from ari_app.cli.doctor_asterisk import MODULES
from ari_app.settings import Settings, load
from tests.docs.documents import DOCUMENTS, REPOSITORY, between, blocks, links

ENGINEER = REPOSITORY / "docs" / "engineer.md"
BEYOND_SETTINGS = {"ARI_APP_ENV_FILE", "ARI_APP_LOG_FORMAT", "ARI_APP_MIGRATIONS", "ARI_APP_DEMO"}
"""Variables that are read before or beside the settings."""
UNITS = {"serve": "ari-app", "agi": "ari-app-agi", "web": "ari-app-web"}
"""Commands that are services, and the names of their units."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), f"{link} leads to nothing"
        assert REPOSITORY in (target, *target.parents), f"{link} leads out of the repository"
        assert not anchor or anchor in _anchors(target), f"{link}: {target.name} has no such heading"


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = [
        (document.relative_to(REPOSITORY), target)
        for document in DOCUMENTS
        for target in re.findall(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z]+)", _code(document), re.MULTILINE)
    ]
    assert named
    assert not [f"{document}: make {target}" for document, target in named if target not in targets]


def _code(document: Path) -> str:
    """Code spans and shell blocks: elsewhere "make" is a word."""
    text = document.read_text()
    shell = [block.text for block in blocks("sh", "console") if block.document == document]
    return "\n".join([*re.findall(r"`[^`\n]+`", text), *shell])


def test_files_that_are_named_in_code_spans_exist() -> None:
    folders = "ari_app|dialplan|migrations|sounds|asterisk-docker|tests|docs|benchmarks"
    for document in DOCUMENTS:
        for name in re.findall(rf"`((?:{folders})/[\w./-]*)`", document.read_text()):
            assert (REPOSITORY / name).exists(), f"{document.relative_to(REPOSITORY)} names {name}"


def settings_table() -> str:
    """The table as it should be."""
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *_rows()])


def _rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = field.default
        value = getattr(default, "get_secret_value", lambda kept=default: kept)()
        said = "" if value in ("", (), None, PydanticUndefined) else f"`{value}`"
        meaning = "; ".join(filter(None, (field.description, _choices(field.annotation))))
        yield f"| `ARI_APP_{name.upper()}` | {said} | {meaning} |"


def _choices(annotation: object) -> str:
    return ", ".join(f"`{choice}`" for choice in get_args(annotation)) if get_origin(annotation) is Literal else ""


def test_the_settings_table_is_that_of_the_program() -> None:
    assert between(ENGINEER, "settings") == settings_table(), f"docs/engineer.md should have:\n\n{settings_table()}"


def test_no_document_names_a_setting_that_is_not_read() -> None:
    known = {f"ARI_APP_{name.upper()}" for name in Settings.model_fields} | BEYOND_SETTINGS | CHANNEL_VARIABLES.keys()
    for document in DOCUMENTS:
        named = set(re.findall(r"\bARI_APP_[A-Z_]*[A-Z]\b", document.read_text()))
        assert named <= known, f"{document.relative_to(REPOSITORY)} names {named - known}"


def test_the_modules_are_those_that_the_doctor_asks_for() -> None:
    assert set(re.findall(r"`(\w+\.so)`", between(ENGINEER, "modules"))) == set(MODULES)


def test_the_engineer_has_the_repository_before_anything_in_it_is_run() -> None:
    typed = "".join(block.text for block in blocks("sh") if block.document == ENGINEER)
    cloned = typed.index("git clone")
    assert "asterisk-docker/provision" in typed[cloned:]
    assert not re.search(r"asterisk-docker/|\.venv/|requirements", typed[:cloned])


def test_whatever_the_engineer_types_speaks_of_one_instance() -> None:
    """Its folder is told at provisioning; a console command without it would ask another Asterisk, or none."""
    shown = "\n".join(block.text for block in blocks("sh", "text") if block.document == ENGINEER)
    instance = re.search(r"AST_INSTANCE=(\S+)", shown)
    assert instance is not None
    consoles = re.findall(r"^.*asterisk .*-rx .*$", shown, re.MULTILINE)
    assert consoles
    assert all(f"-C {instance[1]}/etc/asterisk.conf" in line for line in consoles)


def test_the_settings_file_of_the_example_is_accepted(tmp_path: Path) -> None:
    (example,) = [block for block in blocks("ini") if block.document == ENGINEER]
    password = tmp_path / "ari-password"
    password.write_text("an example of a password")
    password.chmod(0o600)
    env_file = tmp_path / "ari-app.env"
    env_file.write_text(example.text.replace("/etc/ari-app/ari-password", str(password)))
    env_file.chmod(0o600)
    settings = load(env_file)
    assert settings.ari_password.get_secret_value() == "an example of a password"
    assert settings.dial_policy.allowed_prefixes == ("+7", "+380")


def test_the_table_of_channel_variables_is_that_of_the_program() -> None:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in CHANNEL_VARIABLES.items()]
    table = "\n".join(["| channel variable | what it is |", "|---|---|", *rows])
    assert between(ENGINEER, "variables") == table, f"docs/engineer.md should have:\n\n{table}"


def unit_example(command: str) -> str:
    """The unit of the engineer's guide for a command."""
    units = [block.text for block in blocks("systemd") if block.document == ENGINEER]
    assert len(units) == len(UNITS)
    (example,) = [unit for unit in units if unit.count(f"/ari-app {command}\n")]
    return example


def test_the_systemd_unit_gives_live_calls_their_time() -> None:
    unit = ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd minds capitals
    unit.read_string(unit_example("serve"))
    assert set(unit) == {"DEFAULT", "Unit", "Service", "Install"}
    assert unit["Service"]["ExecStart"].endswith("ari-app serve")
    assert unit["Service"].getint("TimeoutStopSec") > Settings.model_fields["shutdown_seconds"].default


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here to ask")
@pytest.mark.parametrize("command", UNITS)
def test_the_systemd_unit_is_accepted_by_systemd(tmp_path: Path, command: str) -> None:
    unit = tmp_path / f"{UNITS[command]}.service"
    installed = Path(sys.executable).with_name("ari-app")
    unit.write_text(unit_example(command).replace("/opt/ari-app/.venv/bin/ari-app", str(installed)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not complaints
    assert done.returncode == 0, done.stderr


def test_the_version_of_the_changelog_is_that_of_the_package() -> None:
    from ari_app import __version__

    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__.partition(".dev")[0]


def test_python_versions_agree() -> None:
    oldest = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["ruff"]["target-version"]
    assert oldest == "py311"
    assert "3.11 or later" in (REPOSITORY / "README.md").read_text()
