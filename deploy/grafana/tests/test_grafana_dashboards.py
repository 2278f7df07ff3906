"""What every dashboard keeps to, without asking anybody: its form, its words, its links, and what it may name."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from grafana_foundation_sdk.models import units

from pcare_common.metrics import CATALOGUE
from pcare_dashboards import generate
from pcare_dashboards.queries import POSTGRES, PROMETHEUS

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MADE = {name: json.loads(text) for name, text in generate.contents().items()}
CORE = {"row": None, "stat": "stat", "timeseries": "timeseries", "bargauge": "bargauge", "table": "table"} | {
    "state-timeline": "statetimeline",
    "heatmap": "heatmap",
}
"""The kinds of panel that come with Grafana and are used here, each with the schema of its options."""

UNITS = {value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)}
EVERYWHERE = {"up", "ALERTS"}
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, dashboard in MADE.items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                yield f"{name}: {panel['title']}", panel


def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / "schemas" / f"{name}.jsonschema.json").read_text())
    # In Grafana's definitions these are of any type (`_` of CUE); the export makes objects of them.
    for definition, field in (("DynamicConfigValue", "value"), ("MatcherConfig", "options")):
        if definition in document["definitions"]:
            document["definitions"][definition]["properties"][field] = {}
    return document


def expressions() -> Iterator[tuple[str, str]]:
    for where, panel in panels():
        for target in panel["targets"]:
            yield where, target.get("expr") or target["rawSql"]


def test_the_committed_files_are_those_that_are_made():
    assert generate.stale() == []


def test_a_file_that_differs_or_is_left_over_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert generate.main(["--to", str(tmp_path)]) == 0
    assert generate.main(["--check", "--to", str(tmp_path)]) == 0
    (tmp_path / "audit.json").write_text("{}")
    (tmp_path / "left-over.json").write_text("{}")
    assert generate.main(["--check", "--to", str(tmp_path)]) == 1
    assert "audit.json, left-over.json" in capsys.readouterr().err
    assert generate.main(["--to", str(tmp_path)]) == 0
    assert generate.stale(tmp_path) == []


def test_links_lead_where_the_pages_are_said_to_be(tmp_path: Path):
    generate.main(["--docs", "https://care.example/docs", "--to", str(tmp_path)])
    made = json.loads((tmp_path / "audit.json").read_text())
    assert [one["query"] for one in made["templating"]["list"] if one["name"] == "docs"] == [
        "https://care.example/docs"
    ]


@pytest.mark.parametrize("name", MADE)
def test_a_dashboard_is_of_the_form_that_grafana_reads(name: str):
    jsonschema_rs.validator_for(schema("dashboard")).validate(MADE[name])


@pytest.mark.parametrize("part", ["Options", "FieldConfig"])
def test_a_panel_has_the_options_of_its_kind(part: str):
    checked = 0
    for where, panel in panels():
        of_kind = schema(CORE[panel["type"]] or "")
        if part not in of_kind["definitions"]:
            continue
        defaults = panel["fieldConfig"]["defaults"]
        value = panel["options"] if part == "Options" else defaults.get("custom", {})
        faults = [error.message for error in _part(of_kind, part).iter_errors(value)]
        assert not faults, f"{where}: {faults}"
        checked += 1
    assert checked > 50


def _part(document: dict[str, Any], part: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**document, "$ref": f"#/definitions/{part}"})


def test_a_query_of_prometheus_has_its_fields():
    validator = jsonschema_rs.validator_for(schema("prometheus"))
    targets = [target for _, panel in panels() for target in panel["targets"] if "expr" in target]
    assert len(targets) > 80
    for target in targets:
        validator.validate(target)


def test_no_panel_needs_a_plugin():
    assert {panel["type"] for dashboard in MADE.values() for panel in dashboard["panels"]} <= CORE.keys()


def test_data_sources_are_the_provisioned_ones():
    provisioned = yaml.safe_load((HERE.parent / "provisioning" / "datasources" / "pcare.yml").read_text())
    known = {(one["type"], one["uid"]) for one in provisioned["datasources"]}
    assert known == {(one.type_val, one.uid) for one in (PROMETHEUS, POSTGRES)}
    for where, panel in panels():
        for one in (panel, *panel["targets"]):
            assert (one["datasource"]["type"], one["datasource"]["uid"]) in known, where


def test_no_password_is_provisioned():
    text = (HERE.parent / "provisioning" / "datasources" / "pcare.yml").read_text()
    secrets = re.findall(r"password: (.*)", text)
    assert secrets
    assert all(secret.startswith("$__file{") for secret in secrets)


def test_every_id_is_there_once():
    assert len({dashboard["uid"] for dashboard in MADE.values()}) == len(MADE) == 4
    assert len({dashboard["title"] for dashboard in MADE.values()}) == len(MADE)
    for name, dashboard in MADE.items():
        ids = Counter(panel["id"] for panel in dashboard["panels"])
        assert set(ids.values()) == {1}, name
        for panel in dashboard["panels"]:
            refs = [target["refId"] for target in panel.get("targets", ())]
            assert len(set(refs)) == len(refs), panel["title"]


@pytest.mark.parametrize("name", MADE)
def test_no_panel_covers_another(name: str):
    taken: dict[tuple[int, int], str] = {}
    for panel in MADE[name]["panels"]:
        where = panel["gridPos"]
        assert where["x"] + where["w"] <= 24, panel["title"]
        for x in range(where["x"], where["x"] + where["w"]):
            for y in range(where["y"], where["y"] + where["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_every_panel_says_what_it_shows_when_to_worry_and_in_which_unit():
    for where, panel in panels():
        shows, _, worry = panel["description"].partition("\n\n**Worry when** ")
        assert shows.endswith((".", "”.")), where
        assert worry.endswith("."), where
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, where


def test_every_panel_links_to_a_page_that_there_is():
    for where, panel in panels():
        assert panel["links"], where
        for link in panel["links"]:
            assert link["url"].startswith("${docs}/"), where
            assert (ROOT / "docs" / link["url"].removeprefix("${docs}/")).is_file(), f"{where}: {link['url']}"


def test_units_fit_what_is_asked():
    for where, panel in panels():
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            text = target.get("expr", "").split(" or on () ")[0]
            if "_seconds" in text and "rate(" not in text and "count(" not in text and "interval_seconds" not in text:
                assert unit in {"s", "dateTimeFromNow"}, where
            if "_bytes" in text and "100 *" not in text:
                assert unit == "bytes", where
            if text.startswith("100 *"):
                assert unit == "percent", where


def test_a_query_names_only_metrics_that_there_are():
    rules = (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    recorded = {
        rule["record"]
        for file in rules
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    for where, text in expressions():
        for name in re.findall(r"\bpcare[a-z_:]*[a-z](?=[{\[) <>/|\"]|$)", text):
            plain = name
            for ending in OF_HISTOGRAMS:
                plain = plain.removesuffix(ending)
            assert {name, plain} & (CATALOGUE.keys() | recorded), f"{where}: {name}"


def test_a_query_of_the_database_reads_the_schema_for_dashboards_alone():
    for where, text in expressions():
        for name in re.findall(r"(?<!epoch )\b(?:FROM|JOIN) ([a-z_.]+)", text):
            assert name.startswith("dashboards.") or name in {"generate_series", "unnest"}, f"{where}: {name}"


def test_days_are_compared_in_london():
    for where, text in expressions():
        assert "$__timeFilter(day)" not in text, f"{where}: that would be the day in UTC"
