"""The board, the alerts and the scrape configuration ask for what there is, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ari_app.monitoring.catalogue import METRICS, Kind
from ari_app.settings import Settings

FOLDER = Path(__file__).parents[2] / "asterisk-docker" / "monitoring"
COMPOSE = FOLDER.parent / "docker-compose.yml"
OF_ANY_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "up"}
"""Prometheus' own; the first three are scraped of every process, which `test_watched_controller` sees."""
LABELS_OF_PROMETHEUS = {"job", "instance", "le"}
KNOWN = {metric.name: metric for metrics in METRICS.values() for metric in metrics}


def board() -> dict[str, Any]:
    """The Grafana board."""
    read: dict[str, Any] = json.loads((FOLDER / "grafana" / "dashboards" / "ari-app.json").read_text())
    return read


def alerts() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """All that Prometheus is asked."""
    for panel in board()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (alert["expr"] for alert in alerts())


def sampled() -> dict[str, tuple[str, ...]]:
    """Every name that a scrape has, with its labels."""
    names: dict[str, tuple[str, ...]] = {}
    for name, metric in KNOWN.items():
        endings = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {name + ending: metric.labels for ending in endings}
    return names


@pytest.mark.promise("FLD-15")
@pytest.mark.parametrize("expression", tuple(expressions()))
def test_whatever_is_asked_for_is_there(expression: str) -> None:
    """That a scrape has what the catalogue has, the tests of each process see."""
    names, known = set(re.findall(r"\b(?:ari_app|process)_\w+|\bup\b", expression)), sampled()
    assert names
    assert names <= known.keys() | OF_ANY_PROCESS
    labels = {label for name in names for label in known.get(name, ())} | LABELS_OF_PROMETHEUS
    selected = set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression))
    grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert selected | grouped <= labels


def test_what_only_grows_is_asked_for_as_a_rate_and_what_stands_is_not() -> None:
    for expression in expressions():
        for name in re.findall(r"\bari_app_\w+", expression):
            grows = name.endswith(("_total", "_bucket"))
            rated = re.search(rf"(?:rate|increase)\({name}\b", expression) is not None
            assert rated == grows, expression


@pytest.mark.promise("FLD-15")
def test_there_is_an_alert_for_each_trouble() -> None:
    found = {alert["alert"]: alert for alert in alerts()}
    wanted = "NoAsterisk ManyUnanswered MessagesUnknown BudgetUsedUp JournalBacklog SpoolNotEmpty Down Replaced"
    assert {f"AriApp{name}" for name in wanted.split()} <= found.keys()
    assert found["AriAppNoAsterisk"]["for"] == "10s"
    for alert in found.values():
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"].keys() == {"summary", "mend"}


def test_every_metric_is_looked_at_by_somebody() -> None:
    asked = "\n".join(expressions())
    assert [name for name in KNOWN if not re.search(rf"\b{name}(_bucket|_count|_sum)?\b", asked)] == []


def test_prometheus_asks_where_the_processes_answer() -> None:
    configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    targets = {each["job_name"]: each["static_configs"][0]["targets"] for each in configuration["scrape_configs"]}
    fields = Settings.model_fields
    assert targets == {
        "ari-app-controller": [f"127.0.0.1:{fields['monitor_port'].default}"],
        "ari-app-sender": [f"127.0.0.1:{fields['sender_monitor_port'].default}"],
        "ari-app-agi": [f"127.0.0.1:{fields['agi_monitor_port'].default}"],
    }
    seconds = int(configuration["global"]["scrape_interval"].removesuffix("s"))
    assert seconds <= 5, "an alert after 10 s wants two scrapes at least"
    assert configuration["rule_files"] == ["alerts.yml"]


def test_panels_have_ids_of_their_own_and_do_not_cover_one_another() -> None:
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    for panel in panels:
        assert len({target["refId"] for target in panel.get("targets", ())}) == len(panel.get("targets", ()))


def test_compose_gives_them_what_they_read_and_keeps_them_to_this_machine() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert service["cap_drop"] == ["ALL"]
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert not source.startswith(".") or (COMPOSE.parent / source).exists(), mount
            assert not source.startswith(".") or mount.endswith(":ro")
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    grafana = services["grafana"]["environment"]
    assert grafana["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    provided = yaml.safe_load((FOLDER / "grafana/provisioning/dashboards/ari-app.yml").read_text())["providers"]
    assert any(mount.split(":")[1] == provided[0]["options"]["path"] for mount in services["grafana"]["volumes"])
    [source] = yaml.safe_load((FOLDER / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://127.0.0.1:9090"
