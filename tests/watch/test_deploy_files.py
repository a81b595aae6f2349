"""What is handed to those who run the bot speaks of what there is: table, dashboard, alert rules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from bot.monogoto.endpoints import ENDPOINTS
from bot.slack.dispatch import KINDS
from bot.watch.live import Live
from bot.watch.metrics import Metrics
from bot.watch.version import VERSION

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs/deploy"
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus's own, and those of every process."""
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


def families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Of the registry: each name as Prometheus knows it, with its kind and labels."""
    metrics = Metrics(now=lambda: datetime.now(UTC), kinds=KINDS, endpoints=ENDPOINTS)
    known = {
        collector._name: collector._labelnames
        for collector in metrics.registry._collector_to_names
        if hasattr(collector, "_labelnames")
    }
    live = Live(lambda: None)
    known |= {family.name: family._labelnames for family in live.collect()}
    metrics.registry.register(live)
    found = {family.name: family.type for family in metrics.registry.collect()}
    ours = {name: kind for name, kind in found.items() if name.startswith("imei_lock_")}
    return {
        name + ("_total" if kind == "counter" else ""): (kind, tuple(known[name]))
        for name, kind in ours.items()
    }


def names_in(expression: str) -> set[str]:
    """Metrics that a PromQL expression reads. Raises where it is none."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, promql_parser.VectorSelector):
            yield node.name
        for part in ("expr", "lhs", "rhs", "param", "vector_selector"):
            if (inner := getattr(node, part, None)) is not None:
                yield from walk(inner)
        for inner in getattr(node, "args", None) or ():
            yield from walk(inner)

    return set(walk(promql_parser.parse(expression)))


def series() -> set[str]:
    """Every name that a query may read."""
    found = set()
    for name, (kind, _) in families().items():
        found |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
    return found


def expressions() -> list[tuple[str, str]]:
    """All that dashboard and alerts ask, with where."""
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    asked = [
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    asked += [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
    return asked


def test_the_table_of_metrics_is_the_registry() -> None:
    table = re.findall(
        r"^\| `(imei_lock_\w+)` \| (\w+) \| ([\w, ]*?) ?\| .+ \|$",
        (ROOT / "docs/operations.md").read_text(),
        re.MULTILINE,
    )
    told = {name: (kind, tuple(filter(None, labels.split(", ")))) for name, kind, labels in table}
    assert told == families()
    assert [name for name, *_ in table] == sorted(name for name, *_ in table)


def test_names_follow_prometheuss_conventions() -> None:
    for name, (kind, labels) in families().items():
        assert re.fullmatch(r"imei_lock_[a-z_]+", name)
        assert name.endswith("_total") is (kind == "counter")
        assert name.endswith("_seconds") or kind != "histogram"
        assert not {"iccid", "imei", "user", "request_id", "path", "le"} & set(labels)


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[name for name, _ in expressions()])
def test_dashboard_and_alerts_ask_for_what_is_measured(where: str, expression: str) -> None:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    read = names_in(expression)
    assert read, where
    assert read <= series() | FOREIGN


def test_every_metric_is_on_the_dashboard() -> None:
    asked = " ".join(expression for _, expression in expressions())
    assert [name for name in families() if name not in asked] == []


def test_the_dashboard_has_what_grafana_needs() -> None:
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    assert isinstance(board["schemaVersion"], int)
    assert {"title", "uid", "panels", "templating", "time"} <= set(board)
    assert board["id"] is None, "Grafana gives it one"
    variables = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    assert variables == {"datasource": "datasource", "instance": "query"}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert grid["x"] + grid["w"] <= 24
        assert not taken & cells, f"{panel['title']} lies over another panel"
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            references = [target["refId"] for target in panel["targets"]]
            assert len(references) == len(set(references)) > 0


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed.")
@pytest.mark.parametrize("check", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]])
def test_prometheus_itself_takes_the_rules_and_they_fire(tmp_path: Path, check: list[str]) -> None:
    shutil.copy(DEPLOY / "alerts.yml", tmp_path)
    shutil.copy(Path(__file__).with_name("alerts.test.yml"), tmp_path)
    done = subprocess.run(["promtool", *check], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_is_the_projects() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()
