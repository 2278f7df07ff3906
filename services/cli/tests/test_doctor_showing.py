"""What the rows come to, how they are shown, and that a look that hangs or fails takes nothing else with it."""

import asyncio
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from kafka.errors import ClusterAuthorizationFailedError, KafkaTimeoutError
from rich.console import Console

from pcare_audit.replay import Counted
from pcare_cli.doctor.doors import UnseenError
from pcare_cli.doctor.findings import (
    ALL_WELL,
    COULD_NOT_LOOK,
    KINDS,
    SOMETHING_IS_WRONG,
    Check,
    Diagnosis,
    Finding,
    Level,
    worst_first,
)
from pcare_cli.doctor.kafka_rules import AWAY, UNDER_REPLICATED
from pcare_cli.doctor.looking import AREAS, Look, all_of
from pcare_cli.doctor.page import page
from pcare_cli.doctor.showing import document, show
from pcare_cli.doctor.thorough import differences

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
CHECK = Check("Kafka", "brokers answer")
WELL, WARN, WRONG = CHECK.well("3"), UNDER_REPLICATED.found("x", brokers="2"), AWAY.found("b:9092")
UNSEEN = CHECK.unseen("nobody said where", "Set X.")
FAILED = CHECK.unseen("no answer", failed=True)


@pytest.mark.parametrize(
    ("rows", "status", "verdict"),
    [
        ([WELL, UNSEEN], ALL_WELL, "All is well"),
        ([WELL, WARN], ALL_WELL, "Nothing is wrong"),
        ([WELL, WRONG, FAILED], SOMETHING_IS_WRONG, "Something is WRONG"),
        ([WELL, FAILED], COULD_NOT_LOOK, "COULD NOT LOOK"),
        ([UNSEEN], COULD_NOT_LOOK, "COULD NOT LOOK"),
    ],
)
def test_what_the_rows_come_to(rows: list[Finding], status: int, verdict: str) -> None:
    diagnosis = Diagnosis(tuple(rows))
    assert diagnosis.status == status
    assert verdict in diagnosis.verdict


def test_the_worst_is_told_of_first() -> None:
    assert worst_first([WELL, WARN, UNSEEN, WRONG]) == [WRONG, WARN]


def test_the_table_says_what_to_do_and_the_command_stands_alone() -> None:
    told = io.StringIO()
    row = AWAY.found("[bold]b:9092")
    show(Console(file=told, width=120), Diagnosis((WELL, row, UNSEEN), 2.0))
    text = told.getvalue()
    assert "1. wrong  Kafka: [bold]b:9092  [kafka-away]" in text
    assert "Start the brokers" in text
    assert "Kafka, brokers answer: Set X." in text
    assert "Something is WRONG: 1 ok, 0 warn, 1 wrong, 1 not looked at (in 2 s)." in text


def test_the_document_has_a_row_each() -> None:
    told = document(Diagnosis((WELL, WRONG)), dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    assert [one["finding"] for one in told["checks"]] == [None, "kafka-away"]
    assert (told["status"], told["counts"]["wrong"]) == (1, 1)


async def test_a_look_that_hangs_or_fails_is_a_row_and_the_others_are_looked_at() -> None:
    async def hangs() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def well() -> list[Finding]:
        return [WELL]

    def fails(error: Exception) -> Look:
        async def find() -> list[Finding]:
            raise error

        return Look(CHECK, find, 5.0)

    looks = [
        Look(CHECK, hangs, 0.01),
        fails(ValueError("a mistake")),
        fails(UnseenError("why", "Do.")),
        fails(ClusterAuthorizationFailedError()),
        fails(KafkaTimeoutError()),
        fails(asyncpg.InsufficientPrivilegeError()),
        fails(asyncpg.UndefinedTableError()),
        fails(ConnectionResetError()),
        Look(CHECK, well, 5.0),
    ]
    rows = await all_of(looks)
    assert [one.level for one in rows] == [Level.UNSEEN] * 8 + [Level.OK]
    assert [one.failed for one in rows[:8]] == [True, True, False, False, True, False, False, True]
    assert "report it" in rows[1].do
    assert "pcare_auditor" in rows[5].do
    assert "pcare migrate" in rows[6].do


def test_streams_and_sql_are_compared_and_nothing_is_nothing() -> None:
    seven, nothing = Counted(Decimal(7), 7, None), Counted(Decimal(0), 0, None)
    share, no_share = Counted(None, 0, 0), Counted(None, 0, 5)
    key = ("sp_people", "NCL", "2023/24")
    assert differences({key: seven}, {key: seven}) == []
    assert differences({key: nothing}, {}) == []
    assert differences({key: share}, {}) == []
    assert differences({key: seven}, {}) == ["sp_people NCL 2023/24: 7 streamed, none by SQL"]
    assert differences({}, {key: no_share}) != []


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `make generate`"


def test_each_kind_has_a_section_and_belongs_to_an_area() -> None:
    text = page()
    for name, kind in KINDS.items():
        assert f"#### {name}\n" in text
        assert kind.check.area in AREAS
        assert kind.means.endswith(".")


def test_no_two_kinds_have_one_name() -> None:
    with pytest.raises(ValueError, match="kafka-away"):
        CHECK.kind("kafka-away", Level.WRONG, means="x.", do="y")
