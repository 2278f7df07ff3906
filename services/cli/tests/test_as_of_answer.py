"""What became known is told apart, and the answer says what moved each number, and what it cannot tell."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pcare_audit.changes import Changes
from pcare_audit.knowledge import merged_by
from pcare_audit.log_reading import LogUnreadableError
from pcare_audit.portions import Stretch
from pcare_cli.as_of import counting, formats, showing
from pcare_cli.as_of.command import Wanted, understood
from pcare_cli.as_of.counting import Answer, Causes, Question
from pcare_cli.audit_choosing import area_named, catalogue_of, kpis_named
from pcare_cli.audit_record import Merges, Provider, Repairs
from pcare_cli.kpis.reading import ReadingError
from pcare_schemas.envelope import type_of
from pcare_schemas.instants import utc_milliseconds
from pcare_schemas.kpis.catalogue import load
from pcare_schemas.log import LogLine, read_line
from pcare_schemas.recorded import subjects_merged_text

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
TRUST = "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
NOBODY = Repairs({}, frozenset())


def line(name: str, *, hours: int, recorded: int, kind: str = "pam-scored", who: str = "1", **data: Any) -> LogLine:
    """Return an event so many hours before now, recorded so many hours before now."""
    data = {"borough": "E09000007"} | data
    when, told = (NOW - timedelta(hours=number) for number in (hours, recorded))
    return LogLine(
        name, TRUST, type_of(kind), f"person:{who}", when.isoformat(), data,
        f"interventions.submitted/0/{recorded}", utc_milliseconds(told), "1-test",
    )  # fmt: skip


def merge(gone: str, kept: str, hours: int) -> LogLine:
    at = NOW - timedelta(hours=hours)
    text = subjects_merged_text(f"person:{gone}", f"person:{kept}", merged_at=at, act=9, rules_version="1-test")
    return read_line(text)


def test_what_became_known_is_told_apart() -> None:
    repairs = Repairs({(TRUST, "mended"): 7}, frozenset({(TRUST, "right")}))
    causes = Causes(NOW - timedelta(hours=10), repairs)
    expected = {
        counting.LATE: line("a", hours=11, recorded=1),
        counting.AFTER: line("b", hours=9, recorded=1),
        counting.REDRIVEN: line("mended", hours=11, recorded=1),
        counting.SENT_RIGHT: line("right", hours=11, recorded=1),
        counting.RETRACTION: line("right", hours=11, recorded=1, kind="event-retracted", retracts="a"),
        counting.MERGE: merge("2", "1", 1),
    }
    assert {sort: causes.of(one).sort for sort, one in expected.items()} == {sort: sort for sort in expected}
    assert [causes.of(one).source for one in expected.values()] == [TRUST] * 5 + [None]
    assert expected.keys() == showing.WORDS.keys()


def answered(*lines: LogLine, repairs: Repairs = NOBODY, **wanted: Any) -> tuple[showing.Scope, Question, Answer]:
    scope, question = understood(Wanted("2024-05-31", "2024-05-30", **wanted), NOW)
    changes = Changes(
        question.catalogue, question.at, question.known_at, Causes(question.known_at, repairs).of, question.wanted
    )
    changes.add(lines, merged_by(lines))
    changes.finish()
    providers = {TRUST: Provider("RKE", "Whittington")}
    return scope, question, Answer(changes, repairs, providers, [Stretch(0, 0, 9, 5)], (), ())


TOLD = (
    line("known", hours=60, recorded=59),
    line("late", hours=60, recorded=4, who="2"),
    line("mended", hours=60, recorded=3, who="3"),
    line("known-retraction", hours=2, recorded=2, kind="event-retracted", retracts="known"),
    merge("3", "2", 1),
)


def test_the_answer_says_what_moved_each_number() -> None:
    repairs = Repairs({(TRUST, "mended"): 7}, frozenset())
    scope, question, answer = answered(*TOLD, repairs=repairs, events=True, kpis=("pam_people",), borough="Camden")
    said = showing.table(scope, answer)
    assert "as known at the end of 2024-05-30, and as known now" in said
    assert load().version in said
    assert "2024/25  Camden      1 then, 1 now: 0" in said
    assert "+1  sent late RKE (Whittington), 1 event" in said
    assert "+1  rejected, and sent in again at the desk RKE (Whittington), 1 event" in said
    assert "-1  taken back RKE (Whittington), 1 event" in said
    assert "-1  persons merged, 1 merge" in said
    assert "sent in again at the desk, act 7 mended of" in said
    assert "person:" not in said
    assert said.index(" late of ") < said.index(" mended of ") < said.index(" known-retraction of ")

    document = json.loads(formats.as_json(scope, question, answer))
    (row,) = document["kpis"]
    assert (row["then"]["value"], row["now"]["value"], row["unaccounted"]["numerator"]) == (1, 1, 0)
    assert [cause["numerator"] for cause in row["changed_by"]] == [1, 1, -1, -1]
    assert [one["act"] for one in document["events"]] == [None, 7, None, None]
    assert [one["id"] for one in document["events"]] == ["late", "mended", "known-retraction", None]
    assert "person:" not in json.dumps(document)
    head, only = formats.as_csv(scope, question, answer).splitlines()
    assert head.split(",") == list(formats.COLUMNS)
    assert only == "2024-05-31T23:00:00Z,2024-05-30T23:00:00Z,2024/25,pam_people,E09000007,Camden,1,1,,1,1,"


def test_where_nothing_became_known_then_is_now() -> None:
    scope, _, answer = answered(TOLD[0], borough="NCL")
    said = showing.table(scope, answer)
    assert "1, then and now" in said
    assert said.rstrip().endswith("nothing\nReplay and SQL agree.")
    elsewhere, _, answer = answered(TOLD[0], borough="Barnet")
    assert "Nothing is counted" in showing.table(elsewhere, answer)


def test_a_share_is_moved_by_what_it_is_made_of() -> None:
    said = {"elective": True, "via_ers": True, "choice_exercised": True, "referral_ref": "r", "providers_offered": 2}
    first = line("a", hours=60, recorded=59, kind="choice-offered", **said)
    second = line("b", hours=60, recorded=4, kind="choice-offered", **said | {"via_ers": False, "referral_ref": "s"})
    scope, _, answer = answered(first, second, kpis=("choice_ers",), borough="NCL")
    said_of_it = showing.table(scope, answer)
    assert "100 (1 of 1) then, 50 (1 of 2) now: -50" in said_of_it
    assert "0 of +1  sent late RKE" in said_of_it


def test_a_log_that_was_written_anew_says_what_it_cannot_tell() -> None:
    _, question = understood(Wanted("2024-05-31", "2024-05-30"), NOW)
    moved, merged = line("a", hours=60, recorded=59, who="1"), merge("2", "1", 1)
    changes = Changes(question.catalogue, question.at, question.known_at, Causes(question.known_at, NOBODY).of)
    merges = Merges((merged,), merged_by([merged]), {"person:2": 1})
    (note,) = counting.count_all(changes, [[moved, merged]], merges, {"person:1"})
    assert "written anew after 1 merges" in note
    again = Changes(question.catalogue, question.at, question.known_at, Causes(question.known_at, NOBODY).of)
    of_the_other = line("a", hours=60, recorded=59, who="2")
    assert counting.count_all(again, [[], [moved, of_the_other, merged]], merges, {"person:1", "person:2"}) == []
    # nor where the other had only events of kinds that were not asked for
    third = Changes(question.catalogue, question.at, question.known_at, Causes(question.known_at, NOBODY).of)
    assert counting.count_all(third, [[], [moved, merged]], merges, {"person:1", "person:2"}) == []


def test_names_are_those_that_people_use() -> None:
    assert [area_named(text) for text in ("camden", "E09000007", "ncl", "NCL only", " Barnet ")] == [
        "E09000007", "E09000007", "NCL", "NCL only", "E09000003"
    ]  # fmt: skip
    with pytest.raises(ReadingError, match="Did you mean Haringey"):
        area_named("harringay")
    assert kpis_named(load(), []) == load().ids
    assert catalogue_of(load(), ["phb_with_plan"]).ids == ("pcsp_active", "phb_active", "phb_with_plan")


@pytest.mark.parametrize("data", [{"score": 50.0, "borough": ["E09000007"]}, {"borough": {}}])
def test_an_event_that_cannot_be_counted_is_said_in_a_line(data: dict[str, Any]) -> None:
    asked = Changes(load(), NOW, NOW - timedelta(hours=10), Causes(NOW - timedelta(hours=10), NOBODY).of)
    forged = line("a", hours=11, recorded=11, **data)
    with pytest.raises(LogUnreadableError, match="`pcare audit replay` says which"):
        counting.count_all(asked, [[forged]], Merges({}, {}, []), ())
