"""The running interface is held to its own OpenAPI description by Schemathesis, run as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.conftest import BACKENDS
from tests.web.conftest import FURNISHED, empty_database
from tests.web.house import House
from tests.web.test_guard import from_address

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
"""Not among them: that a number is taken which follows the pattern and no numbering plan; that tokens are asked for,
which is tried below, since whoever fails too often is held up."""


@pytest.fixture(scope="module", params=BACKENDS)
def fuzzed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that nobody else goes by: what is made up here is in its database, and in its throttles."""
    folder = tmp_path_factory.mktemp("fuzzed")
    house = House.build(folder, empty_database(request.param, request, folder, "fuzzed"))
    house.furnish()
    house.process.said(FURNISHED, seconds=15)
    yield house
    house.stop()


def schemathesis(house: House, folder: Path, *more: str, checks: tuple[str, ...] = CHECKS) -> None:
    # One worker: Python 3.11 before 3.11.8 falls over its own parser in several threads.
    program = Path(sys.executable).with_name("schemathesis")
    (folder / "schemathesis.toml").write_text('[parameters]\ngateway = "vonage"\n')
    command = [
        *(str(program), "run", f"{house.base}/openapi.json", "--seed", "20261121", "--workers", "1"),
        *("--checks", ",".join(checks), "--phases", "examples,coverage,fuzzing", "--max-examples", "20"),
        *("--header", f"Authorization: Bearer {house.tokens['crm']}", "--request-timeout", "20", *more),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]


def test_the_interface_is_as_described(fuzzed: House, tmp_path: Path) -> None:
    schemathesis(fuzzed, tmp_path, "--exclude-tag", "gateways")
    for answer in ("POST /v1/events 422", "POST /v1/tickets 422", "GET /v1/messages 200", "GET /v1/rules 200"):
        assert any(answer in line for line in fuzzed.process.lines), answer


def test_what_gateways_push_is_described_too(fuzzed: House, tmp_path: Path) -> None:
    """Proofs cannot be made up, so nearly all of it is refused, whatever it is; none of it is an error of ours."""
    checks = tuple(one for one in CHECKS if one != "negative_data_rejection")
    schemathesis(fuzzed, tmp_path, "--include-tag", "gateways", checks=checks)


OPEN_TO_ALL = ("/v1/health", "/v1/receipts/{gateway}", "/v1/texts/{gateway}")


def test_whatever_is_described_asks_for_a_token_but_health_and_pushes(fuzzed: House) -> None:
    described = fuzzed.get("/openapi.json")["paths"]
    operations = [(path, method) for path, methods in described.items() for method in methods]
    assert len(operations) > 20
    asked = {
        (path, method): from_address(
            fuzzed,
            f"127.0.2.{place + 1}",
            path=path.replace("{call}", "20261121-200144-005ae888cf").replace("{ending}", "mp3").replace("{", "%7B"),
            method=method.upper(),
        )[0]
        for place, (path, method) in enumerate(operations)
    }
    not_asked = {path for (path, _), status in asked.items() if status != 401}
    assert not_asked == set(OPEN_TO_ALL)
