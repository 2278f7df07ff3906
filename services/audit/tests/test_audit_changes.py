"""What became known moves the numbers: all of it together by the whole difference, whatever is told in which order."""

from collections.abc import Sequence
from datetime import datetime
from zlib import crc32

import msgspec
import pytest
from audit_histories import AT, CATALOGUES, history, merge, minute, told_at
from audit_lines import BARNET, CAMDEN, line, one_kpi

from pcare_audit.changes import LISTED_AT_MOST, Cause, Changes
from pcare_audit.knowledge import first_told, known, merged_by, person_of
from pcare_audit.replay import Counted, Replay
from pcare_schemas.kpis.catalogue import Catalogue, load
from pcare_schemas.log import LogLine


def by_sort(one: LogLine) -> Cause:
    return Cause(one.type.rsplit(".", 2)[-2], one.source)


def changes(
    lines: Sequence[LogLine], catalogue: Catalogue, known_at: datetime, *, portions: int = 1, at: datetime = AT
) -> Changes:
    """Return what moved the numbers; the log is handed over in portions that have nobody in common."""
    merged = merged_by(lines)
    found = Changes(catalogue, at, known_at, by_sort)
    for number in range(portions):
        some = [one for one in lines if crc32(person_of(one.subject, merged).encode()) % portions == number]
        found.add(some, merged)
    found.finish()
    return found


@pytest.mark.parametrize("catalogue", CATALOGUES.values(), ids=CATALOGUES)
@pytest.mark.parametrize("seed", range(2))
def test_all_that_became_known_moves_by_the_whole_difference(seed: int, catalogue: Catalogue) -> None:
    lines = history(seed)
    first = first_told(lines, merged_by(lines))
    for number in (0, 60, 10_000):
        found = changes(lines, catalogue, minute(number), portions=1 + number % 3)
        assert found.now == Replay(first).kpis(catalogue, AT) == Replay(lines).kpis(catalogue, AT)
        assert found.then == Replay(known(first, minute(number))).kpis(catalogue, AT)
        cells = found.then.keys() | found.now.keys() | found.by_cause.keys()
        assert {found.rest(cell) for cell in cells} <= {(0, 0)}
        assert bool(found.meanwhile) == (number < 10_000)
        if number == 10_000:
            assert found.then == found.now
        elif number == 0:
            assert found.then == {}
            assert len(found.by_cause) > 50
        assert sum(found.moving[cell].total() for cell in found.moving) == sum(
            len(one.effects) for one in found.listed.values()
        )


def test_what_was_known_in_between_parts_the_difference() -> None:
    lines = history(11)
    first = first_told(lines, merged_by(lines))
    until_then = list(known(first, minute(90)))
    whole, later = (changes(lines, load(), minute(number)) for number in (30, 90))
    earlier = Changes(load(), AT, minute(30), by_sort)
    earlier.add(until_then, merged_by(until_then))
    earlier.finish()
    assert (whole.then, whole.now) == (earlier.then, later.now)
    assert earlier.now == later.then
    for cell in whole.by_cause.keys() | earlier.by_cause.keys() | later.by_cause.keys():
        for cause in {*whole.by_cause[cell], *earlier.by_cause[cell], *later.by_cause[cell]}:
            parts = [one.by_cause[cell][cause] for one in (earlier, later)]
            assert whole.by_cause[cell][cause] == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])


REACHED = one_kpi(
    {"count": "reached", "of": "sdm-conversation", "by": "situation", "threshold": 2},
    unit="situations", personal=False, additive=False,
)  # fmt: skip
LATE, BACK, MERGED = "sp-referral", "event-retracted", "subjects-merged"


def referral(number: int, who: str, source: str = "urn:a", ref: str = "r", borough: str = CAMDEN) -> LogLine:
    one = line("sp-referral", "2024-04-10", who, source, borough=borough, referral_ref=ref, ref_source="urn:a")
    return told_at(one, number)


def moved(found: Changes, kpi: str, area: str = "NCL", year: str = "2024/25") -> dict[tuple[str, str | None], int]:
    causes = found.by_cause.get((kpi, area, year), {})
    return {tuple(cause): parts[0] for cause, parts in causes.items() if parts[0]}


def test_a_repeat_moves_nothing_and_a_retraction_takes_back_what_came_late() -> None:
    late = referral(5, "person:1")
    lines = [
        referral(1, "person:0"),
        late,
        referral(6, "person:1", "urn:b"),
        told_at(line("event-retracted", "2024-05-01", "person:1", retracts=late.id, reason="duplicate"), 7),
        referral(8, "person:2"),
        told_at(line("event-retracted", "2024-05-01", "person:2", retracts="unheard of", reason="duplicate"), 9),
        told_at(line("sp-referral", "2024-06-01", "person:3", borough=CAMDEN, referral_ref="r"), 9),
    ]
    found = changes(lines, load(), minute(2))
    # the other's repeat holds the person when the first is taken back: the retraction moves nothing either
    assert moved(found, "sp_referrals") == {(LATE, "urn:a"): 2}
    assert found.moving["sp_referrals", "NCL", "2024/25"] == {Cause(LATE, "urn:a"): 2}
    assert found.meanwhile == {
        Cause(LATE, "urn:a"): 2,
        Cause(LATE, "urn:b"): 1,
        Cause(BACK, "urn:a"): 2,
    }
    assert found.now["sp_referrals", "NCL", "2024/25"].numerator == 3
    assert [one.line.id for one in found.listed.values()] == [late.id, lines[4].id]


def test_what_is_of_another_kind_alone_is_not_counted_among_what_became_known() -> None:
    score, other = (told_at(line("pam-scored", "2024-04-10", "person:1", score=50.0, borough=CAMDEN), 5) for _ in "ab")
    lines = [
        score,
        other,
        told_at(line("event-retracted", "2024-05-01", "person:1", retracts=score.id, reason="duplicate"), 6),
        msgspec.structs.replace(other, subject="person:2", id="of-the-other"),
        merge("person:2", "person:1", 7),
    ]
    assert not changes(lines, REACHED, minute(2)).meanwhile
    assert changes(lines, load(), minute(2)).meanwhile.total() == 5
    unheard = told_at(line("event-retracted", "2024-05-01", "person:2", retracts="unheard of", reason="duplicate"), 9)
    assert changes([unheard], REACHED, minute(2)).meanwhile == {Cause(BACK, "urn:a"): 1}


def test_two_who_turn_out_to_be_one_counted_twice_until_then() -> None:
    lines = [referral(1, "person:1"), referral(2, "person:2", borough=BARNET)]
    moved_text = msgspec.structs.replace(lines[1], subject="person:1")
    after = [*lines, moved_text, merge("person:2", "person:1", 5)]
    merged = merged_by(after)
    before, later = changes(after, load(), minute(4)), changes(after, load(), minute(6))
    assert before.then["sp_people", "NCL", "2024/25"] == Counted(2, 2, None)  # type: ignore[arg-type]
    assert before.now == later.now == later.then == Replay(after).kpis(load(), AT)
    assert before.now["sp_people", "NCL", "2024/25"].numerator == 1
    source = after[-1].source
    assert moved(before, "sp_people") == {(MERGED, source): -1}
    assert {one.subject for one in first_told(after, merged)} == {"person:1", "person:2"}


def test_what_is_reached_is_moved_by_the_one_that_reaches_it() -> None:
    def talk(number: int, who: str, source: str) -> LogLine:
        one = line("sdm-conversation", "2024-04-10", who, source, borough=CAMDEN,
                   conversation_ref="c", situation="knee_pain")  # fmt: skip
        return told_at(one, number)

    lines = [talk(9, "person:3", "urn:c"), talk(1, "person:1", "urn:a"), talk(8, "person:2", "urn:b")]
    found = changes(lines, REACHED, minute(5), portions=2)
    assert moved(found, "x") == {("sdm-conversation", "urn:b"): 1}
    assert found.rest(("x", "NCL", "2024/25")) == (0, 0)


def test_more_than_can_be_listed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LISTED_AT_MOST >= 1_000
    monkeypatch.setattr("pcare_audit.changes.LISTED_AT_MOST", 3)
    found = changes([referral(number, f"person:{number}") for number in range(5)], load(), minute(0))
    assert len(found.listed) == 3
    assert found.not_listed > 0
    assert moved(found, "sp_people") == {(LATE, "urn:a"): 5}
