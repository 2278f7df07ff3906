import pytest
from replaying_frames import PARTITION, frame

from pcare_audit.replaying import joining
from pcare_audit.replaying.findings import Findings
from pcare_audit.replaying.frame import Frame
from pcare_audit.replaying.joining import (
    AGREES,
    LATE,
    LOG,
    MOVED,
    NO_RECORD,
    NOTHING,
    PUBLISHED,
    REJECTED,
    REJECTION,
    ROW,
    pack,
)

A, B = b"a" * 16, b"b" * 16
LOG_A = pack(0, 0, 7, LOG, 0, A, A, 2, 40)
TABLES_A = pack(0, 0, 7, PUBLISHED, AGREES, A, NOTHING, 0, 0) + pack(0, 0, 7, ROW, 0, NOTHING, A, 0, 0)


def found(entries: bytes, over: Frame | None = None) -> list[tuple[str, str | None]]:
    findings = Findings()
    joining.compare(over or frame(), entries, findings)
    return [(str(doubt.kind), doubt.field) for _, doubt in findings.doubts]


def rejection(text: bytes, received: int = 1_000) -> bytes:
    return pack(0, 0, 7, REJECTION, 0, text, NOTHING, 0, received)


def rejected(text: bytes, offset: int, status: int = 0) -> bytes:
    return pack(0, 0, 7, REJECTED, status, text, NOTHING, 1, offset)


def test_what_is_the_same_everywhere_is_equal() -> None:
    assert found(LOG_A + TABLES_A) == []
    assert found(LOG_A + pack(0, 0, 7, LOG, 0, A, A, 2, 41) + TABLES_A) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (LOG_A, [("row-missing", "pcare.published"), ("row-missing", "pcare.interventions")]),
        (pack(0, 0, 7, LOG, 0, B, A, 2, 40) + TABLES_A, [("text-differs", None)]),
        (pack(0, 0, 7, LOG, 0, A, B, 2, 40) + TABLES_A, [("row-differs", None)]),
        (LOG_A + pack(0, 0, 7, LOG, 0, B, A, 2, 41) + TABLES_A, [("log-repeat-differs", None)]),
        (TABLES_A, [("log-record-missing", None)]),
        (pack(0, 0, 7, ROW, 0, NOTHING, A, 0, 0), [("row-not-in-log", None)]),
        (
            pack(0, 0, 7, PUBLISHED, NO_RECORD, A, NOTHING, 0, 0) + pack(0, 0, 7, ROW, 0, NOTHING, A, 0, 0),
            [("row-not-in-log", None)],
        ),
        (
            pack(0, 0, 200, PUBLISHED, AGREES, A, NOTHING, 0, 0) + pack(0, 0, 200, ROW, 0, NOTHING, A, 0, 0),
            [("row-not-in-log", None)],
        ),
        (pack(0, 0, 7, LOG, MOVED, A, A, 2, 40) + TABLES_A, [("log-record-missing", None)]),
        (rejection(A) + rejected(A, 3), []),
        (rejection(A) + rejected(B, 3) + rejected(A, 4), []),
        (rejection(B) + rejected(B, 3) + rejected(A, 4), [("rejection-differs", None)]),
        (rejection(B) + rejected(B, 3) + rejected(A, 4, LATE), []),
        (rejection(A), [("rejected-record-missing", None)]),
        (rejected(A, 3), [("rejection-missing", None)]),
    ],
)
def test_each_difference_has_its_name(entries: bytes, expected: list[tuple[str, str | None]]) -> None:
    assert found(entries) == expected


@pytest.mark.parametrize("forged_first", [True, False])
def test_a_row_that_shares_the_origin_of_another_is_found_wherever_it_stands(*, forged_first: bool) -> None:
    forged = pack(0, 0, 7, ROW, 0, NOTHING, B, 0, 0)
    entries = LOG_A + (forged + TABLES_A if forged_first else TABLES_A + forged)
    assert found(entries) == [("row-not-in-log", None)]
    assert found(entries, frame(log_whole=False)) == [("row-not-in-log", None)]
    of_none = LOG_A + pack(0, 0, 7, PUBLISHED, AGREES, A, NOTHING, 0, 0) + forged * 2
    assert found(of_none) == [("row-not-in-log", None), ("row-differs", None)]


def test_a_rejection_that_may_have_been_replaced_behind_the_part_is_left_out() -> None:
    entries, part = rejection(B) + rejected(A, 3), frame(rejected_whole=False, rejected_to_end=False)
    assert found(entries, frame(rejected_whole=False)) == [("rejection-differs", None)]
    assert found(entries, part) == []
    findings = Findings()
    joining.compare(part, entries, findings)
    assert (findings.compared["rejections"], sum(findings.left_out.values())) == (0, 1)
    assert found(rejected(A, 3), part) == [("rejection-missing", None)]


def test_what_is_on_its_way_or_out_of_range_is_left_out() -> None:
    on_its_way = frame(published={PARTITION: 7})
    for entries in (TABLES_A, rejection(A)):
        findings = Findings()
        joining.compare(on_its_way, entries, findings)
        assert not findings.doubts
        assert sum(findings.left_out.values()) == 1
    assert found(TABLES_A, frame(log_whole=False)) == []
    assert found(rejection(A), frame(rejected_whole=False)) == []
    assert found(rejection(A, received=1_000), frame(rejected_kept_from=1_001)) == []
    assert found(rejection(A, received=1_002), frame(rejected_kept_from=1_001)) == [("rejected-record-missing", None)]
    assert found(pack(0, 0, 7, LOG, MOVED, A, A, 2, 40) + TABLES_A, frame(pending=frozenset({"person:x"}))) == []
