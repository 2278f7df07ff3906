"""Logs are structured, stamped, and never let a valid NHS number through."""

import json
import logging

import pytest
import structlog

from pcare_common import logs


@pytest.fixture(autouse=True)
def _restore_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()  # or tests of other packages look for their lines in vain


def test_a_line_is_json_with_the_service_and_the_given_fields(capsys):
    logs.configure("recorder")
    logs.get("somewhere").info("batch recorded", topic="interventions.submitted", offset=7)
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "batch recorded"
    assert line["service"] == "recorder"
    assert line["offset"] == 7
    assert line["level"] == "info"


def test_lines_of_other_libraries_are_structured_too(capsys):
    logs.configure("recorder")
    logging.getLogger("some.library").warning("careful: %s", "hot")
    assert json.loads(capsys.readouterr().err)["event"] == "careful: hot"


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("written", ["9434765919", "943 476 5919", "id-943-476-5919-x"])
def test_an_nhs_number_is_masked_wherever_it_was_put(capsys, log_format, written):
    logs.configure("ingest", log_format=log_format)
    logs.get("somewhere").warning(f"refused {written}", event_id=written)
    logging.getLogger("library").error("about %s", written)
    output = capsys.readouterr().err
    assert "refused" in output
    assert written not in output


def test_an_exception_keeps_its_traceback(capsys):
    logs.configure("ingest")
    try:
        int("boom")
    except ValueError:
        logs.get("somewhere").exception("it failed")
    line = json.loads(capsys.readouterr().err)
    assert "ValueError: invalid literal" in line["exception"]


def test_below_the_level_nothing_is_written(capsys):
    logs.configure("ingest", level="warning")
    logs.get("somewhere").info("quiet")
    assert capsys.readouterr().err == ""
