"""Asks a process's monitoring endpoint, as Prometheus and whoever watches it would."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.sipp import ticks

Labels = tuple[tuple[str, str], ...]


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody has now, of those that are this folder's."""
    for port in random.sample(range(12100, 13000), 900):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port from 12100 to 12999 is taken")


@dataclass(frozen=True)
class Scrape:
    """What was scraped: each sample's value by its name and labels; the kind of each metric."""

    samples: dict[tuple[str, Labels], float]
    kinds: dict[str, str]

    @classmethod
    def read(cls, text: str) -> Scrape:
        """By Prometheus' own reader."""
        families = list(text_string_to_metric_families(text))
        samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for each in families for s in each.samples}
        kinds = {each.name + ("_total" if each.type == "counter" else ""): each.type for each in families}
        return cls(samples, kinds)

    def value(self, name: str, **labels: str) -> float:
        """One sample's."""
        return self.samples[name, tuple(sorted(labels.items()))]

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], int]:
        """A metric by its labels, what is nought left out."""
        found = {
            tuple(dict(kept)[label] for label in labels): int(value)
            for (sample, kept), value in self.samples.items()
            if sample == name and value
        }
        assert found or name in {sample for sample, _ in self.samples}, f"there is no {name}"
        return found


@dataclass(frozen=True)
class Endpoint:
    """A monitoring endpoint."""

    port: int

    def get(self, path: str) -> requests.Response:
        """The answer, whatever it is."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)

    def scrape(self) -> Scrape:
        """Its metrics."""
        answer = self.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return Scrape.read(answer.text)

    def until(self, path: str, status: int, seconds: float = 15) -> Any:
        """Its JSON once it has this status."""
        for _ in ticks(seconds):
            answer = self.get(path)
            if answer.status_code == status:
                return answer.json()
        raise AssertionError(f"{path} did not come to {status} in {seconds} s: {answer.status_code} {answer.text}")

    def once(self, what: Callable[[Scrape], bool], seconds: float = 10) -> Scrape:
        """Its metrics once ``what`` is so."""
        for _ in ticks(seconds):
            if what(scrape := self.scrape()):
                return scrape
        raise AssertionError(f"not in {seconds} s: {scrape.samples}")
