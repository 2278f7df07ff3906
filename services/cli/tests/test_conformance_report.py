import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pcare_cli.conformance import files, report
from pcare_cli.conformance.address import Answer
from pcare_cli.conformance.findings import CONNECTION, OWN, Finding, Report, Result, failed, passed, unproven
from pcare_cli.main import app

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
RUNNER = CliRunner()


def told(*findings: Finding, part: str = CONNECTION) -> Report:
    results = [Result(part, f"step-{n}", f"Step <{n}>", finding, f"Do {n}.") for n, finding in enumerate(findings)]
    return Report("urn:ncl:provider:demo-council", "http://test", ["sp-referral"], NOW, results)


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (told(passed("a"), passed("b")), "connection ready; your own system has not been seen yet"),
        (told(passed("a"), unproven("b")), "connection ready, except for what could not be shown here (1 of 2)"),
        (told(passed("a"), part=OWN), "ready"),
        (told(unproven("a"), part=OWN), "ready, except for what could not be shown here (1 of 1)"),
        (told(passed("a"), failed("b")), "not ready: Step <1>"),
        (told(failed("a"), failed("b"), failed("c"), part=OWN), "not ready: Step <0>, and 2 more"),
    ],
)
def test_the_verdict_says_what_is_missing(report: Report, verdict: str) -> None:
    assert report.verdict.startswith(verdict)
    assert report.ready is not verdict.startswith("not ready")


def test_the_page_stands_alone_and_escapes_what_was_seen(tmp_path: Path) -> None:
    page, data = report.write(told(failed("saw <script>alert(1)</script>")), tmp_path / "out")
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "saw &lt;script&gt;" in html
    assert "src=" not in html
    assert "href=" not in html
    assert "What to do: Do 0." in html
    document = json.loads(data.read_text(encoding="utf-8"))
    assert (document["ready"], document["steps"][0]["todo"]) == (False, "Do 0.")


def test_a_file_that_names_a_real_person_is_not_played(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text('{"subject": "nhs-number:9990000018"}\n{"subject": "nhs-number:9434765919"}\n')
    with pytest.raises(files.UnusableFileError, match="Event 2 of") as caught:
        files.read(file)
    assert "9434765919" not in str(caught.value)


async def test_a_file_is_only_checked_and_each_event_keeps_its_own_problem() -> None:
    asked = []

    class Checking:
        async def send(self, body: list[object], *, to: str) -> Answer:
            asked.append(to)
            return Answer(
                207, [{"status": "valid"} if "a" in str(one) else {"problem": {"reason": "x"}} for one in body]
            )

    seen = await files.seen_in([b'{"id": "a"}', b"?", b'{"id": "b"}'], Checking(), NOW)  # type: ignore[arg-type]
    assert [one.problem for one in seen] == [None, {"reason": "not_json"}, {"reason": "x"}]
    assert asked == ["/events/check"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://127.0.0.1:1", "--as", "R k e"], "no ODS code"),
        (["--url", "http://127.0.0.1:1", "--as", "RKE", "--kinds", "sp-reveral"], "sp-reveral is no kind"),
        (["--url", "https://record.example", "--as", "RKE"], "--test-system"),
        (["--url", "http://127.0.0.1:1", "--as", "RKE", "--events", "x", "--listen", "9"], "which of the two"),
        (["--url", "http://127.0.0.1:1", "--as", "RKE", "--events", "no-such-file"], "cannot be read"),
        (["--url", "http://127.0.0.1:1", "--as", "RKE", "--client-id", "x"], "needs all three"),
    ],
)
def test_what_is_typed_wrong_is_said_before_anything_is_sent(arguments: list[str], words: str) -> None:
    outcome = RUNNER.invoke(app, ["conformance", *arguments])
    assert outcome.exit_code == 2
    assert words in outcome.output


def test_an_address_that_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    arguments = ["--url", "http://127.0.0.1:1", "--as", "RKE", "--report", str(tmp_path / "out")]
    outcome = RUNNER.invoke(app, ["conformance", *arguments])
    assert outcome.exit_code == 1
    assert "not ready: The address answers" in outcome.output
    assert "THIS SENDS EVENTS" in outcome.output
    assert json.loads((tmp_path / "out.json").read_text())["ready"] is False
