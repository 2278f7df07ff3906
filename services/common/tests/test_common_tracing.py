"""Tracing: off unless asked for, bounded and counted when the collector is in trouble, and blind to persons."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.trace import Link
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from otlp_collector import Collector, running_collector
from pcare_common import logs, settings
from pcare_common.clock import SystemClock
from pcare_common.tracing import contexts, current, exporting
from pcare_common.tracing.exporting import Tracing
from pcare_common.tracing.headers import traceparent_of, with_traceparent
from pcare_common.tracing.settings import TracingSettings
from pcare_common.tracing.start import start

STATED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NHS_NUMBER = "9434765919"
VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED", "PCARE_TRACING_ENDPOINT", "PCARE_TRACING_HEADERS")


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


def tracing(collector: Collector, registry: CollectorRegistry | None = None, **changes: object) -> Tracing:
    config = TracingSettings(tracing_endpoint=collector.address, **changes)  # type: ignore[arg-type]
    made = start(config, "a-test", registry or CollectorRegistry(), SystemClock())
    assert made is not None
    return made


def outcomes(registry: CollectorRegistry) -> dict[str, float]:
    return {
        outcome: registry.get_sample_value("pcare_tracing_spans_total", {"outcome": outcome}) or 0.0
        for outcome in ("exported", "failed", "dropped")
    }


# --- what an operator says ------------------------------------------------------------------------------------


def test_it_is_off_unless_an_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(TracingSettings(), "a-test", CollectorRegistry(), SystemClock()) is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard:4318/")
    assert TracingSettings().traces_address == "http://standard:4318/v1/traces"
    monkeypatch.setenv("PCARE_TRACING_ENDPOINT", "https://ours/otlp/v1/traces")
    assert TracingSettings().traces_address == "https://ours/otlp/v1/traces"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert TracingSettings().traces_address is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PCARE_TRACING_ENDPOINT", "collector:4318"),
        ("PCARE_TRACING_ENDPOINT", "https://user:s3cret@collector"),
        ("PCARE_TRACING_HEADERS", "s3cret"),
        ("PCARE_TRACING_RATIO", "1.1"),
    ],
)
def test_a_mistake_names_its_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit):
        settings.load(TracingSettings)
    message = capsys.readouterr().err
    assert variable in message
    assert "s3cret" not in message


def test_while_it_is_off_nothing_of_opentelemetry_is_imported() -> None:
    apps = "pcare_ingest.app, pcare_recorder.app, pcare_kpi_aggregator.app"
    code = f"import sys, {apps}; sys.exit([name for name in sys.modules if name.startswith('opentelemetry')] or 0)"
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


# --- what comes from outside ----------------------------------------------------------------------------------


def test_a_context_is_read_and_written_as_w3c_says() -> None:
    context = contexts.read(STATED, "vendor=a,other=b")
    assert context is not None
    assert contexts.traceparent(context) == STATED
    assert contexts.record_headers(context) == [("traceparent", STATED.encode()), ("tracestate", b"vendor=a,other=b")]
    headers = with_traceparent([("content-type", b"x")], STATED)
    assert traceparent_of(headers) == STATED
    assert traceparent_of([("traceparent", None), ("other", b"x"), ("traceparent", b"0" * 513)]) is None


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "",
        "nonsense",
        STATED.upper(),
        STATED.replace("00-", "ff-", 1),
        STATED.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        STATED.replace("00f067aa0ba902b7", "0" * 16),
        STATED + "-more",
        STATED.replace("4bf92f3577b34da6a3ce929d0e0e4736", NHS_NUMBER.zfill(32)),
        STATED.replace("00f067aa0ba902b7", NHS_NUMBER + "123456"),
    ],
)
def test_what_is_no_context_or_spells_an_nhs_number_is_ignored(stated: str | None) -> None:
    assert contexts.read(stated) is None


@pytest.mark.parametrize("state", [f"vendor={NHS_NUMBER}", "vendor=943-476-5919", "v=person:k1:8f31", "v=NHS-Number:1"])
def test_a_tracestate_that_names_a_person_goes_no_further(state: str) -> None:
    context = contexts.read(STATED, state)
    assert context is not None
    assert contexts.record_headers(context) == [("traceparent", STATED.encode())]


def test_log_lines_name_the_trace_that_is_worked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("a-test")
    with current.working_for(current.Ids("4b" * 16, "00f067aa0ba902b7")):
        logs.get("somewhere").warning("within")
    logs.get("somewhere").warning("without")
    within, without = map(json.loads, capsys.readouterr().err.splitlines())
    assert (within["trace_id"], within["span_id"]) == ("4b" * 16, "00f067aa0ba902b7")
    assert "trace_id" not in without


# --- what goes to the collector -------------------------------------------------------------------------------


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the end wait for the collector as long as a busy machine takes."""
    monkeypatch.setattr(exporting, "FLUSH_SECONDS", 30.0)


@pytest.mark.usefixtures("patient")
async def test_the_end_waits_for_the_last_spans(collector: Collector) -> None:
    registry = CollectorRegistry()
    traces = tracing(collector, registry, tracing_ratio=1.0, tracing_headers=SecretStr("X-Tenant=a,authorization=b c"))
    traces.tracer.start_span("last").end()
    await traces.stop()
    assert [(span.service, span.name) for span in collector.spans] == [("a-test", "last")]
    assert (collector.headers["x-tenant"], collector.headers["authorization"]) == ("a", "b c")
    assert outcomes(registry) == {"exported": 1, "failed": 0, "dropped": 0}


@pytest.mark.usefixtures("patient")
async def test_a_sender_decides_and_else_the_ratio_and_a_link_to_what_is_traced_is_traced(collector: Collector) -> None:
    traces = tracing(collector, tracing_ratio=0.0)
    sampled, not_sampled = contexts.read(STATED), contexts.read(STATED[:-1] + "0")
    assert sampled is not None
    assert not_sampled is not None
    for name, parent in (("root", None), ("asked for", sampled), ("not asked for", not_sampled)):
        traces.tracer.start_span(name, contexts.under(parent)).end()
    traces.tracer.start_span("linked", contexts.under(None), links=[Link(sampled)]).end()
    traces.tracer.start_span("linked to what is not", contexts.under(None), links=[Link(not_sampled)]).end()
    await traces.stop()
    assert {span.name for span in collector.spans} == {"asked for", "linked"}


async def test_behind_a_hanging_collector_no_more_waits_than_may_and_the_rest_is_counted(collector: Collector) -> None:
    collector.going_on.clear()
    registry = CollectorRegistry()
    traces = tracing(collector, registry, tracing_ratio=1.0, tracing_queue_spans=64)
    for _ in range(500):
        traces.tracer.start_span("one of many").end()
        assert traces._bounded.waiting <= 64
    dropped = outcomes(registry)["dropped"]
    assert 500 - 2 * 64 <= dropped < 500, "64 may wait, and as many may be on their way"
    await traces.stop()  # it does not wait for the collector
    collector.going_on.set()
    collector.wait_for(lambda: sum(outcomes(registry).values()) == 500)
    assert outcomes(registry)["exported"] > 0


async def test_spans_that_nobody_takes_are_counted_and_told_of_once(
    collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("a-test")
    registry = CollectorRegistry()
    traces = tracing(collector, registry, tracing_ratio=1.0)
    collector.close()
    for number in range(1, 3):
        traces.tracer.start_span("lost").end()
        traces._bounded.force_flush()
        assert outcomes(registry) == {"exported": 0, "failed": number, "dropped": 0}
    await traces.stop()
    lines = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert [line.partition(":")[0] for line in lines] == ["tracing", "the collector takes no spans"]
