"""Whether memory stays flat: resident size of the controller and Asterisk over ten thousand calls."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.processes import resident_bytes
from benchmarks.site import Site

RATE = 50
WARM_UP, CALLS, EVERY = 2000, 10_000, 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident size in MiB after so many calls."""

    calls: int
    controller: float
    asterisk: float


def run(site: Site, calls: int, tell: Callable[[Sample], None], warm_up: int = WARM_UP) -> list[Sample]:
    """Place the calls after a warm-up, and look every thousand."""
    site.place("ours", RATE, warm_up)
    samples = [_sample(site, 0)]
    tell(samples[0])
    while samples[-1].calls < calls:
        site.place("ours", RATE, EVERY)
        samples.append(_sample(site, samples[-1].calls + EVERY))
        tell(samples[-1])
    return samples


def slopes(samples: Sequence[Sample]) -> tuple[float, float]:
    """Growth of the controller and of Asterisk, KiB for each thousand calls (least squares)."""
    counts = [sample.calls / 1000 for sample in samples]
    return (
        statistics.linear_regression(counts, [sample.controller * 1024 for sample in samples]).slope,
        statistics.linear_regression(counts, [sample.asterisk * 1024 for sample in samples]).slope,
    )


def table(samples: Sequence[Sample]) -> str:
    """The samples in Markdown, with what they amount to."""
    lines = ["| calls | controller, MiB | Asterisk, MiB |", "| ---: | ---: | ---: |"]
    lines += [f"| {one.calls} | {one.controller:.1f} | {one.asterisk:.1f} |" for one in samples]
    controller, asterisk = slopes(samples)
    lines += ["", f"Growth a thousand calls: controller {controller:+.0f} KiB, Asterisk {asterisk:+.0f} KiB."]
    return "\n".join(lines)


def _sample(site: Site, calls: int) -> Sample:
    size = (resident_bytes(site.controller_pid), resident_bytes(site.asterisk_pid))
    return Sample(calls, size[0] / 2**20, size[1] / 2**20)
