"""Installing the lock: what is counted, and which pins the image takes."""

from __future__ import annotations

import pytest

from ari_app.lab.install import BUILD_TOOL, DEV_LOCK, REPOSITORY, entries, package_of
from ari_app.lab.wheels import lock_for, named

LOCK = """\
greenlet==3.2.4 ; platform_machine == 'riscv64' \\
    --hash=sha256:aa
    # via sqlalchemy
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
    # via ari-app (setup.cfg)
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:dd
psycopg[binary]==3.3.9 \\
    --hash=sha256:ee
    # via ari-app (setup.cfg)
"""


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("Collecting charset-normalizer==3.5.2 (from -r x.lock (line 3))", "charset-normalizer"),
        ("Processing /some/where/types_requests-2.33.0-py3-none-any.whl", "types_requests"),
        ("Requirement already satisfied: aiohttp==3.14.5 in ./.venv", "aiohttp"),
        ("  Downloading aiohttp-3.14.5-cp311-cp311-manylinux.whl (1.9 MB)", None),
        ("Installing collected packages: aiohttp", None),
    ],
)
def test_packages_are_counted_by_pips_lines(line: str, package: str | None) -> None:
    assert package_of(line) == package


def test_a_lock_has_its_entries_with_their_hashes() -> None:
    assert entries(LOCK)[1] == (
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )
    assert len(entries(LOCK)) == 4


def test_the_lock_for_development_pins_what_builds_the_package() -> None:
    pinned = [entry for entry in entries(DEV_LOCK.read_text()) if entry.startswith(f"{BUILD_TOOL}==")]
    assert len(pinned) == 1
    assert "--hash=sha256:" in pinned[0]


@pytest.mark.parametrize(
    ("python", "numpy"),
    [("3.11.2", "numpy==2.4.6 --hash=sha256:bb --hash=sha256:cc"), ("3.14.7", "numpy==2.5.5 --hash=sha256:dd")],
)
def test_the_image_takes_the_pins_of_its_own_python(python: str, numpy: str) -> None:
    assert list(lock_for(python, LOCK)) == [numpy, "psycopg[binary]==3.3.9 --hash=sha256:ee"]


def test_single_pins_are_taken_by_name() -> None:
    assert list(named(("numpy",), lock_for("3.14.7", LOCK))) == ["numpy==2.5.5 --hash=sha256:dd"]


def test_both_locks_agree() -> None:
    runtime = {entry.partition(" \\")[0] for entry in entries((REPOSITORY / "requirements.lock").read_text())}
    assert runtime <= {entry.partition(" \\")[0] for entry in entries(DEV_LOCK.read_text())}
