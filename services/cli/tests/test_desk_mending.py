"""What may go in again, and how a rejection is shown: without Kafka and without a database."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from pcare_cli import breaker, gap, operators
from pcare_cli.breaker import Waiting
from pcare_cli.desk import mending, redriving, showing
from pcare_cli.desk.mending import Refused, Sendable
from pcare_cli.desk.rejections import Count, Entry, Filter, State
from pcare_recorder.cursors import Partition
from pcare_schemas.examples import VALID, WHITTINGTON, person
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import FieldError, Reason
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

RULES = Rules.load()
NOW = dt.datetime(2024, 6, 30, 12, tzinfo=dt.UTC)
P0 = Partition(SUBMITTED, 0)


def event(**changes: Any) -> dict[str, Any]:
    return {**VALID["pam-scored"], "source": WHITTINGTON, "subject": person("Alex"), **changes}


def entry(value: bytes | None, reason: Reason = Reason.key_mismatch, **changes: Any) -> Entry:
    made = Entry(
        origin=Origin(SUBMITTED, 0, 7),
        received_at=NOW,
        provider="RKE",
        provider_name="Whittington Health NHS Trust",
        sender=None,
        source=WHITTINGTON,
        event_id="one",
        reason=reason,
        errors=(FieldError("/subject", "The record's key is not the subject.", "the subject"),),
        redacted=False,
        size=None if value is None else len(value),
        sha256=None,
        rules_version="1-0",
        state=State.waiting,
        evidence=value,
    )
    return replace(made, **changes)


def test_bytes_that_pass_the_checks_now_go_in_under_the_right_key() -> None:
    value = json.dumps(event()).encode()
    found = mending.unchanged(entry(value), RULES, NOW)
    assert found == Sendable(value, person("Alex").encode(), WHITTINGTON, event()["id"], changed=False)
    assert len(found.sha256) == 32


@pytest.mark.parametrize("state", [State.sent, State.recorded, State.rejected_again])
def test_what_was_dealt_with_is_left_alone(state: State) -> None:
    value = json.dumps(event()).encode()
    for found in (
        mending.unchanged(entry(value, state=state), RULES, NOW),
        mending.mended(entry(value, state=state), value, RULES, NOW),
    ):
        assert isinstance(found, Refused)
        assert found.word == state


def test_an_interrupted_one_goes_in_again() -> None:
    value = json.dumps(event()).encode()
    assert isinstance(mending.unchanged(entry(value, state=State.interrupted), RULES, NOW), Sendable)


@pytest.mark.parametrize("reason", [Reason.id_reused, Reason.not_retractable])
def test_the_same_bytes_would_meet_the_same_verdict(reason: Reason) -> None:
    value = json.dumps(event()).encode()
    found = mending.unchanged(entry(value, reason), RULES, NOW)
    assert isinstance(found, Refused)
    assert found.word == f"still {reason}"
    assert isinstance(mending.mended(entry(value, reason), value, RULES, NOW), Sendable)


def test_masked_bytes_and_bytes_not_kept_say_what_to_do() -> None:
    masked = mending.bytes_kept(entry(b'{"a": "**********"}', Reason.identifiable_data, redacted=True))
    gone = mending.bytes_kept(entry(None, Reason.too_large, size=300_000, sha256="ab12"))
    withheld = mending.bytes_kept(entry(None, Reason.identifiable_data, redacted=True))
    for found, word in ((masked, "masked"), (gone, "not kept"), (withheld, "masked")):
        assert isinstance(found, Refused)
        assert found.word == word
        assert "--file" in found.words
    assert isinstance(gone, Refused)
    assert "300000 bytes" in gone.words
    assert "ab12" in gone.words


def test_what_came_by_anothers_topic_must_not_speak_for_it() -> None:
    value = json.dumps(event()).encode()
    found = mending.mended(entry(b"{}", Reason.invalid_data, sender="ral"), value, RULES, NOW)
    assert isinstance(found, Refused)
    assert found.word == "still source_not_allowed"
    assert isinstance(mending.mended(entry(b"{}", Reason.invalid_data, sender="rke"), value, RULES, NOW), Sendable)


@pytest.mark.parametrize("subject", ["nhs-number:9990000018", "nhs-number:999 000 0018", "NHS-Number:12"])
def test_a_person_by_number_goes_through_ingest(subject: str) -> None:
    found = mending.mended(entry(b"{}"), json.dumps(event(subject=subject)).encode(), RULES, NOW)
    assert isinstance(found, Refused)
    assert "POST /events" in found.words
    assert "999" not in showing.refusal(found)


def test_a_number_anywhere_is_refused_and_not_repeated() -> None:
    found = mending.mended(entry(b"{}"), json.dumps(event(id="9990000018")).encode(), RULES, NOW)
    assert isinstance(found, Refused)
    assert found.word == "still identifiable_data"
    assert "9990000018" not in showing.refusal(found)


@pytest.mark.parametrize("value", [b"", b"\xff", b"[1]", b'{"subject": 1}', b'{"subject": "\\ud800"}', b"null"])
def test_nonsense_is_refused_and_raises_nothing(value: bytes) -> None:
    assert isinstance(mending.mended(entry(b"{}"), value, RULES, NOW), Refused)


# ---- shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00fc", "plain \u00fc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\u202eb\u200b", r"a\u202eb\u200b"),
        ("\ud800\x00\n", r"\ud800\x00\n"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_a_sender_wrote_is_made_plain(text: str, shown: str) -> None:
    assert showing.safe(text) == shown


def test_what_names_a_rejection_is_never_cut() -> None:
    long = replace(entry(b""), origin=Origin(f"{SUBMITTED}.{'x' * 40}", 0, 123456789), event_id="e" * 50)
    wide, middle, narrow = (showing.table_of([long], width) for width in (240, 150, 80))
    assert f"{'e' * 35}\u2026  {long.origin}" in wide[1]
    assert len(middle[1]) <= 150
    assert "\u2026" in middle[1]
    assert "event" not in narrow[0]
    for lines in (wide, middle, narrow):
        assert lines[1].endswith(str(long.origin))


def test_counts_are_summed() -> None:
    lines = showing.table_of_counts(
        [
            Count("RKE", "invalid_data", State.waiting, 1200),
            Count("RKE", "invalid_data", State.recorded, 34),
            Count(None, "not_json", State.waiting, 1),
        ]
    )
    assert [line.split() for line in lines] == [
        ["provider", "reason", "waiting", "interrupted", "sent", "recorded", "rejected_again", "all"],
        ["RKE", "invalid_data", "1,200", "0", "0", "34", "0", "1,234"],
        ["unknown", "not_json", "1", "0", "0", "0", "0", "1"],
        ["all", "1,201", "0", "0", "34", "0", "1,235"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_a_filter_is_a_condition_with_its_values_apart() -> None:
    where, arguments = Filter(provider="x' OR true --", reason=Reason.not_json, since=NOW, states=[State.sent]).where()
    assert where == "provider = ANY ($1::text[]) AND reason = $2 AND received_at >= $3 AND state = ANY ($4::text[])"
    assert arguments == [["x' OR true --", "X' OR TRUE --", "x' or true --"], "not_json", NOW, ["sent"]]
    assert Filter().where() == ("true", [])
    assert not Filter(states=[State.waiting]).narrows


# ---- the recorder has stopped


def test_what_waits_is_from_the_cursor_or_from_the_start_of_what_there_is() -> None:
    assert breaker.waiting({0: 5, 1: 9}, {0: (0, 9), 1: (0, 9), 2: (3, 4)}) == [Waiting(0, 5, 9), Waiting(2, 3, 4)]


@pytest.mark.parametrize(
    ("first", "last", "cursor", "held", "words"),
    [
        (2, 6, 2, 7, None),
        (2, 6, None, 7, "no cursor"),
        (2, 6, 7, 7, "goes on at 7 already"),
        (2, 6, 3, 7, "stands at 3, not at 2"),
        (2, 6, 2, 2, "nothing is lost"),
        (2, 6, 2, 0, "nothing is lost"),
        (2, 6, 2, 9, "the gap is 2 to 8"),
        (2, 8, 2, 7, "the gap is 2 to 6"),
        (5, 4, 5, 7, "the gap is 5 to 6"),
        (5, 4, 5, 5, "nothing is lost"),
    ],
)
def test_a_gap_is_passed_over_only_where_it_is_one(
    first: int, last: int, cursor: int | None, held: int, words: str | None
) -> None:
    found = gap.refused(P0, first, last, cursor=cursor, held=held)
    assert found is None if words is None else words in (found or "")


def test_who_is_the_login_name_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    assert operators.who_and_why(None, " because ") == ("grace", "because")
    assert operators.who_and_why("ada", "x") == ("ada", "x")


def test_the_audit_trail_is_given_no_nhs_number(capsys: pytest.CaptureFixture[str]) -> None:
    for who, why in ((None, "so says 943 476 5919's practice"), ("9434765919", "x")):
        with pytest.raises(typer.Exit):
            operators.who_and_why(who, why)
        said = capsys.readouterr().err
        assert "holds an NHS number" in said
        assert "476" not in said


def test_what_may_have_arrived_goes_in_again_under_its_id_only() -> None:
    one = entry(json.dumps(event()).encode(), Reason.id_reused, state=State.interrupted)
    again, another = (
        Sendable(b"", b"", WHITTINGTON, event_id, changed=True) for event_id in ("mended", "mended again")
    )
    doubts = {one.origin: {(WHITTINGTON, "mended")}}
    assert redriving.would_count_twice(doubts, one, again) is None
    assert redriving.would_count_twice({}, one, another) is None
    refused = redriving.would_count_twice(doubts, one, another)
    assert refused is not None
    assert f"as mended of {WHITTINGTON} was interrupted" in refused.words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_event_stays_behind_in_no_file(tmp_path: Path, number: signal.Signals) -> None:
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/seen.part\nmv {tmp_path}/seen.part {tmp_path}/seen\nsleep 60\n'
    )
    editor.chmod(0o700)
    code = "from pcare_cli.desk.editor import edited; edited(b'{}')"
    editing = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"VISUAL": str(editor)})
    for _ in range(600):
        if (tmp_path / "seen").exists():
            break
        time.sleep(0.1)
    file = Path((tmp_path / "seen").read_text().strip())
    assert file.parent.stat().st_mode & 0o077 == 0
    editing.send_signal(number)
    assert editing.wait(60) == 128 + number
    assert not file.parent.exists()
