"""One process's metrics: those that are counted as things happen, and those that are read when they are scraped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ari_app import __version__
from ari_app.monitoring.catalogue import BUILD, Kind, Metric

log = logging.getLogger(__name__)
# A series of its own for each one's first moment would be twice the text, and nobody asks.
disable_created_metrics()  # type: ignore[no-untyped-call]  # is not typed

Reading: TypeAlias = float | Mapping[tuple[str, ...], float]
"""A metric's value, or one for each of its labels' values."""
Read: TypeAlias = Callable[[], Reading]


class Meters(Collector):
    """The metrics of the process named. Counting is a lock and an addition, for any thread; what is read is read in the
    thread that scrapes."""

    def __init__(self, process: str) -> None:
        self._registry = CollectorRegistry()
        self._read: dict[Metric, Read] = {}
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self.read(BUILD, lambda: {(__version__, process): 1.0})

    def counter(self, metric: Metric) -> Counter:
        """A counter to increment."""
        return Counter(metric.name.removesuffix("_total"), metric.meaning, metric.labels, registry=self._registry)

    def histogram(self, metric: Metric) -> Histogram:
        """A histogram of seconds to observe."""
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=self._registry)

    def read(self, metric: Metric, read: Read) -> None:
        """Ask ``read`` for the metric's value at each scrape; it must not block."""
        self._read[metric] = read

    def rendered(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """For the registry: what is read now. One that cannot be read is left out, and does not cost the others."""
        for metric, read in self._read.items():
            try:
                yield _family(metric, read())
            except Exception:
                log.exception("the metric %s cannot be read", metric.name)

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """For the registry: nothing, so that registering reads nothing."""
        return ()


def _family(metric: Metric, reading: Reading) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name.removesuffix("_total"), metric.meaning, labels=metric.labels)
    for labels, value in reading.items() if isinstance(reading, Mapping) else [((), reading)]:
        family.add_metric(labels, value)
    return family
