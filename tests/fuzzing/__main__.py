"""``python -m tests.fuzzing TARGET SECONDS``: one target under atheris, which learns what leads to new code.

atheris is the optional extra `fuzz` (``pip install -e .[fuzz]``): it has no wheel for every Python and machine.
"""

from __future__ import annotations

import gc
import logging
import sys
import tempfile
from pathlib import Path
from types import FunctionType

from tests.fuzzing.targets import EXAMPLES, TARGETS

LONGEST = 4096
"""Bytes of an input at most."""
LEARNED_FROM = ("ari_app", "panoramisk", "yaml")


def main(name: str, seconds: int) -> None:
    """Fuzz for so long; ends the process, with an error as soon as something breaks."""
    import atheris

    logging.disable(logging.CRITICAL)
    for function in _learned_from():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as folder:
        for number, example in enumerate(EXAMPLES[name]):
            Path(folder, str(number)).write_bytes(example)
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024"]
        atheris.Setup(
            [sys.argv[0], *limits, f"-artifact_prefix={tempfile.gettempdir()}/fuzz-{name}-", folder], TARGETS[name]
        )
        atheris.Fuzz()


def _learned_from() -> list[FunctionType]:
    """The functions whose branches lead the search: to instrument all that is loaded takes minutes."""
    loaded = (each for each in gc.get_objects() if isinstance(each, FunctionType))
    return [each for each in loaded if (each.__module__ or "").split(".")[0] in LEARNED_FROM]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
