"""Only metrics of the catalogue exist, and docs/metrics.md shows all of them."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pcare_common import metrics

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.mark.parametrize("metric", metrics.CATALOGUE.values(), ids=lambda metric: metric.name)
def test_each_metric_can_be_made_and_is_explained(metric):
    registry = CollectorRegistry()
    made = {"counter": metrics.counter, "gauge": metrics.gauge, "histogram": metrics.histogram}[metric.kind](
        metric.name, registry
    )
    if metric.labels:
        made.labels(*("x" for _ in metric.labels))
    assert metric.name.removesuffix("_total") in generate_latest(registry).decode()
    assert metric.help.endswith(".")
    assert metric.worry.endswith(".")


def test_a_name_that_is_not_in_the_catalogue_is_refused():
    with pytest.raises(KeyError):
        metrics.counter("pcare_invented_total", CollectorRegistry())


def test_a_metric_of_another_kind_is_refused():
    with pytest.raises(KeyError, match="is a gauge"):
        metrics.counter("pcare_recorder_lag_events", CollectorRegistry())


def test_a_family_for_a_custom_collector_has_the_labels_of_the_catalogue():
    family = metrics.gauge_family("pcare_recorder_lag_events")
    family.add_metric(["interventions.submitted", "0"], 3)
    assert family.samples[0].labels == {"topic": "interventions.submitted", "partition": "0"}


def test_the_page_for_operators_is_up_to_date():
    assert PAGE.read_text() == metrics.as_markdown(), "run `make generate`"
