"""A file is published wholly and once, wherever a run is cut: what is repeated is repeated under its own ids."""

import asyncio
import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publish_support import Ingest, publish, publisher, rows, workbook

from pcare_cli.publishing.journal import InUseError, Journal, Work
from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.pace import Pace
from pcare_cli.publishing.publishing import JOURNAL, Outcome, Told
from pcare_client import Problem, RefusedError, UnavailableError

WORK = Work("file", "reading", 3)


def report_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))


def file_of(directory: Path, text: str, name: str = "x.csv") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(text)
    return file


async def to_the_end(file: Path, ingest: Ingest, **plan) -> Told:
    """Run it again and again, as a person would, until it is through."""
    for _ in range(100):
        try:
            told = await publish(file, ingest.judge, **plan)
        except _CrashError:
            continue
        if told.outcome is not Outcome.BROKEN_OFF:
            return told
    raise AssertionError("it never ends")


class _CrashError(Exception):
    pass


async def test_a_file_without_a_mistake(tmp_path):
    file, ingest = file_of(tmp_path, rows(10)), Ingest()
    told = await publish(file, ingest.judge)
    assert (told.outcome, told.rows, told.accepted, told.report) == (Outcome.ACCEPTED, 10, 10, None)
    assert len(set(ingest.accepted)) == 10
    assert {path.name for path in tmp_path.iterdir()} == {"x.csv", "x.csv" + JOURNAL}


async def test_publishing_it_again_sends_nothing_and_says_the_same(tmp_path):
    file, ingest = file_of(tmp_path, rows(10, wrong=frozenset({4}))), Ingest()
    first = await publish(file, ingest.judge)
    calls = ingest.calls
    again = await publish(file, ingest.judge)
    assert ingest.calls == calls
    assert (again.outcome, again.accepted, again.rejected) == (first.outcome, 9, 1)
    assert again.before == 10
    fresh = await publish(file, ingest.judge, afresh=True)
    assert fresh.accepted == 9
    assert set(Counter(ingest.accepted).values()) == {2}, "the same ids once more"


async def test_the_report_has_the_rows_as_they_were_and_is_published_when_mended(tmp_path):
    file, ingest = file_of(tmp_path, rows(10, wrong=frozenset({1, 8}))), Ingest()
    told = await publish(file, ingest.judge)
    assert told.report == tmp_path / "x.rejected.csv"
    assert told.report.stat().st_mode & 0o777 == 0o600
    found = sorted(report_of(told.report), key=lambda row: int(row["pcare_row"]))
    assert [(row["pcare_row"], row["referral_ref"]) for row in found] == [("3", "SP-1"), ("10", "SP-8")]
    assert found[0]["pcare_reason"] == "unknown_code"
    assert (found[0]["pcare_column"], found[0]["pcare_path"]) == ("borough", "/data/borough")
    assert "E08000001" not in found[0]["pcare_message"]
    told.report.write_text(told.report.read_text("utf-8-sig").replace("E08000001", "E09000007"))
    mended = await publish(told.report, ingest.judge)
    assert (mended.outcome, mended.accepted) == (Outcome.ACCEPTED, 2)
    assert len(set(ingest.accepted)) == 10


async def test_a_report_that_somebody_may_be_mending_is_not_written_over(tmp_path):
    file, ingest = file_of(tmp_path, rows(3, wrong=frozenset({1}))), Ingest()
    first = await publish(file, ingest.judge)
    second = await publish(file, ingest.judge, afresh=True)
    assert (first.report.name, second.report.name) == ("x.rejected.csv", "x.rejected-2.csv")


async def test_a_report_is_written_as_its_file_is(tmp_path):
    text = rows(3, wrong=frozenset({1})).replace(",", ";").replace("SP-1", "SP-1;")
    file = tmp_path / "x.csv"
    file.write_bytes(("remark;" + text.replace("\n9", "\nZoë;9")).encode("cp1252"))
    mapping = Mapping(encoding="cp1252")
    told = await publish(file, Ingest().judge, mapping=mapping, ignore=True)
    assert told.report is not None
    content = told.report.read_bytes().decode("cp1252")
    assert content.splitlines()[0] == "remark;nhs_number;time;borough;referral_ref;" + ";".join(
        f"pcare_{name}" for name in ("row", "reason", "column", "path", "message")
    )
    assert "Zoë;" in content
    assert (await publish(told.report, Ingest().judge, mapping=mapping, ignore=True)).rejected == 1


async def test_rejected_lines_are_reported_as_lines(tmp_path):
    good = {"nhs_number": "9990000018", "time": "2024-04-19", "borough": "E09000019"}
    lines = [json.dumps(good), json.dumps({**good, "borough": "E08000001"}), "not json"]
    file, ingest = file_of(tmp_path, "\n".join(lines), "x.ndjson"), Ingest()
    told = await publish(file, ingest.judge)
    assert (told.accepted, told.rejected, told.report) == (1, 2, tmp_path / "x.rejected.ndjson")
    first, second = (json.loads(line) for line in told.report.read_text().splitlines())
    assert (first["borough"], first["pcare_reason"]) == ("E08000001", "unknown_code")
    assert (second["pcare_line"], second["pcare_reason"]) == ("not json", "unreadable_row")
    told.report.write_text(json.dumps({**first, "borough": "E09000007"}))
    assert (await publish(told.report, ingest.judge)).accepted == 1


async def test_a_workbook_s_report_is_csv_that_can_be_published(tmp_path):
    names = ["NHS number", "time", "borough"]
    sheet = [names, [9990000018, ("date", 45401.4375), "E09000019"], [9990000018, ("date", 45401), "Islington"]]
    ingest = Ingest()
    told = await publish(workbook(tmp_path / "x.xlsx", {"One": sheet}), ingest.judge)
    assert (told.accepted, told.report) == (1, tmp_path / "x.rejected.csv")
    told.report.write_text(told.report.read_text("utf-8-sig").replace("Islington", "E09000019"))
    assert (await publish(told.report, ingest.judge)).accepted == 1


async def test_a_check_stores_nothing_and_leaves_no_journal(tmp_path):
    file, ingest = file_of(tmp_path, rows(10, wrong=frozenset({4}))), Ingest()
    told = await publish(file, ingest.judge, dry=True)
    assert (told.outcome, told.report) == (Outcome.REJECTED, tmp_path / "x.checked.csv")
    assert not (tmp_path / ("x.csv" + JOURNAL)).exists()
    assert (await publish(file, ingest.judge)).before == 0


async def test_ingest_that_stays_away_breaks_off_and_the_next_run_goes_on(tmp_path):
    file = file_of(tmp_path, rows(30))
    ingest = Ingest(fails_at={5: UnavailableError("status 503")})
    told = await publish(file, ingest.judge)
    assert told.outcome is Outcome.BROKEN_OFF
    assert 0 < told.accepted < 30
    again = await publish(file, ingest.judge)
    assert (again.outcome, again.accepted, again.before) == (Outcome.ACCEPTED, 30, told.accepted)
    assert len(set(ingest.accepted)) == 30
    assert len(ingest.accepted) <= 30 + 4 * 3, "no more is repeated than was on its way"


async def test_a_refused_caller_is_no_reason_to_report_rows(tmp_path):
    file = file_of(tmp_path, rows(30))
    refused = RefusedError(Problem("unauthenticated", "Who?", "", 401))
    with pytest.raises(RefusedError):
        await publish(file, Ingest(fails_at={0: refused}).judge)
    assert (await publish(file, Ingest().judge)).accepted == 30


async def test_stopping_finishes_what_is_on_its_way_and_goes_on_later(tmp_path):
    file, ingest, begun = file_of(tmp_path, rows(30)), Ingest(), 0

    async def judge(events):
        nonlocal begun
        begun += 1
        number = begun
        if number == 3:
            stopped.stop.set()
        verdicts = await ingest.judge(events)
        for _ in range(20 * number):  # the answer is on its way, of the later ones longer
            await asyncio.sleep(0)
        return verdicts

    stopped = publisher(judge)
    told = await stopped.publish(file)
    assert told.outcome is Outcome.BROKEN_OFF
    assert told.accepted == len(ingest.accepted), "nothing that arrived goes unnoticed"
    assert (await publish(file, ingest.judge)).outcome is Outcome.ACCEPTED
    assert len(ingest.accepted) == len(set(ingest.accepted)) == 30


async def test_no_more_is_held_than_the_batches_on_their_way(tmp_path):
    file = file_of(tmp_path, rows(60))
    flying, most, gate = 0, 0, asyncio.Event()
    ingest = Ingest()

    async def judge(events):
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        if flying == 4:
            gate.set()
        await gate.wait()
        flying -= 1
        return await ingest.judge(events)

    await publish(file, judge)
    assert most == 4


async def test_a_changed_file_is_another_file(tmp_path):
    file, ingest = file_of(tmp_path, rows(9)), Ingest()
    await publish(file, ingest.judge)
    file.write_text(rows(12))
    told = await publish(file, ingest.judge)
    assert (told.accepted, told.before) == (12, 0)
    assert len(set(ingest.accepted)) == 12, "the rows that were there before have the ids that they had"


async def test_a_report_that_is_gone_is_made_again(tmp_path):
    file = file_of(tmp_path, rows(30, wrong=frozenset({0, 1, 29})))
    ingest = Ingest(fails_at={6: UnavailableError("away")})
    assert (await publish(file, ingest.judge)).outcome is Outcome.BROKEN_OFF
    (tmp_path / "x.rejected.csv.part").unlink()
    told = await publish(file, ingest.judge)
    assert told.rejected == len(report_of(told.report)) == 3


def test_two_at_one_file_are_one_too_many(tmp_path):
    with Journal(tmp_path / "j", WORK), pytest.raises(InUseError):
        Journal(tmp_path / "j", WORK)
    Journal(tmp_path / "j", WORK).close()


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\n", b"7\n", b"no json\n", b'{"form": 1}\n', b"\xff\n"])
def test_what_is_no_journal_is_begun_anew(tmp_path, content):
    (tmp_path / "j").write_bytes(content)
    with Journal(tmp_path / "j", WORK) as journal:
        assert not journal.progress.batches
        journal.done(0, accepted=3, rejected=0, report_bytes=0)
    with Journal(tmp_path / "j", WORK) as journal:
        assert journal.progress.batches == {0}


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=20), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_cut_anywhere_knows_whole_batches_and_goes_on(tmp_path, done, data):
    file = tmp_path / "j"
    file.unlink(missing_ok=True)
    with Journal(file, WORK) as journal:
        for number, (accepted, rejected) in enumerate(done):
            journal.done(number, accepted=accepted, rejected=rejected, report_bytes=number)
    whole = file.read_bytes()
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with Journal(file, WORK) as journal:
        known = journal.progress.batches
        assert known == set(range(len(known)))
        assert journal.progress.accepted == sum(accepted for accepted, _ in done[: len(known)])
        for number, (accepted, rejected) in enumerate(done):
            if number not in known:
                journal.done(number, accepted=accepted, rejected=rejected, report_bytes=number)
    with Journal(file, WORK) as journal:
        assert journal.progress.batches == set(range(len(done)))
        assert journal.progress.rejected == sum(rejected for _, rejected in done)


@given(
    count=st.integers(0, 40),
    wrong=st.frozensets(st.integers(0, 39), max_size=8),
    cuts=st.dictionaries(st.integers(0, 30), st.sampled_from(["crash", "away"]), max_size=5),
    torn=st.floats(0, 1),
    stray=st.binary(max_size=40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
async def test_wherever_it_is_cut_nothing_is_lost_and_only_ids_repeat(
    tmp_path_factory, *, count, wrong, cuts, torn, stray
):
    directory = tmp_path_factory.mktemp("cut")
    text = rows(count, wrong=wrong)
    whole = Ingest()
    expected = await publish(file_of(directory / "whole", text), whole.judge)
    file = file_of(directory / "cut", text)
    fails = {call: _CrashError() if how == "crash" else UnavailableError("away") for call, how in cuts.items()}
    ingest = Ingest(fails_at=fails)
    try:
        await publish(file, ingest.judge)
    except _CrashError:
        journal, part = file.with_name("x.csv" + JOURNAL), file.with_name("x.rejected.csv.part")
        content = journal.read_bytes()
        journal.write_bytes(content[: round(len(content) * torn)])  # what the disk had of it
        if part.exists():
            part.write_bytes(part.read_bytes() + stray)  # what was written and never noted
    told = await to_the_end(file, ingest)
    assert (told.accepted, told.rejected, told.rows) == (expected.accepted, expected.rejected, count)
    assert ingest.bodies == whole.bodies
    assert set(ingest.accepted) == set(whole.accepted)
    report = file.with_name("x.rejected.csv")
    found = report_of(report) if report.exists() else []
    assert Counter(row["pcare_row"] for row in found) == Counter(str(n + 2) for n in wrong if n < count)


def test_a_rate_is_kept_and_a_break_is_followed_by_no_burst():
    pace = Pace(100.0)
    assert pace.seconds(500, now=0.0) == 0
    assert pace.seconds(500, now=1.0) == 4
    assert pace.seconds(500, now=60.0) == 0
    assert pace.seconds(500, now=60.0) == 5
    assert Pace(None).seconds(10**9, now=0.0) == 0


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 10)), min_size=1, max_size=30), st.floats(0.1, 1e6))
def test_never_faster_than_the_rate(batches, rate):
    pace, now, sent = Pace(rate), 0.0, 0
    for events, idle in batches:
        now += idle
        now += pace.seconds(events, now)
        assert sent <= rate * now * (1 + 1e-9) + 1e-6
        sent += events
