from audit_lines import CAMDEN, NOW, line, numbers, retraction

from pcare_audit.facts import History, facts_of
from pcare_schemas.log import LogLine
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE

MEASURE = {"borough": CAMDEN, "score": 50.0}


def ids(*lines: LogLine) -> list[str]:
    return sorted(fact.id for fact in facts_of(lines))


def test_a_line_that_stands_twice_is_one_event() -> None:
    first = line("pam-scored", "2024-05-01", id="a")
    assert ids(first, first, line("pam-scored", "2024-05-01", id="a", source="urn:b")) == ["a", "a"]


def test_a_retraction_takes_back_wherever_it_stands_and_however_often() -> None:
    gone, kept = line("pam-scored", "2024-05-01", id="a"), line("pam-scored", "2024-05-01", id="b")
    assert ids(retraction(gone), gone, kept, retraction(gone)) == ["b"]


def test_a_retraction_reaches_only_its_own_source_and_subject() -> None:
    event = line("pam-scored", "2024-05-01", id="a")
    assert ids(event, retraction(event, source="urn:b"), retraction(event, subject="person:2")) == ["a"]


def test_a_retraction_is_not_taken_back() -> None:
    event = line("pam-scored", "2024-05-01", id="a")
    taking = retraction(event)
    assert ids(event, taking, retraction(taking)) == []


def merged(gone: str, kept: str) -> LogLine:
    told = line("pam-scored", "2026-01-01", subject=gone, source="urn:recorder", id=gone, gone=gone, kept=kept)
    fields = {name: getattr(told, name) for name in told.__struct_fields__} | {"type": SUBJECTS_MERGED_TYPE}
    return LogLine(**fields)


def test_what_is_said_of_a_subject_that_is_gone_is_said_of_the_one_that_is_kept() -> None:
    early = line("pam-scored", "2024-05-01", subject="person:1", id="a")
    again = line("pam-scored", "2024-05-01", subject="person:3", id="a")
    late = line("pam-scored", "2024-05-02", subject="person:2", id="b")
    merges = [merged("person:1", "person:2"), merged("person:2", "person:3")]
    for lines in ([early, *merges, late, again], [again, late, *merges[::-1], early, *merges]):
        assert [(fact.id, fact.subject) for fact in sorted(facts_of(lines), key=lambda fact: fact.id)] == [
            ("a", "person:3"),
            ("b", "person:3"),
        ]
    assert ids(early, retraction(early, subject="person:2"), *merges) == []
    assert ids(early, retraction(early, subject="person:4"), *merges) == ["a"]


def test_a_later_version_of_a_type_states_nothing_here() -> None:
    newer = line("pam-scored", "2024-05-01")
    assert ids(LogLine(**{**{name: getattr(newer, name) for name in newer.__struct_fields__}, "type": "x.v2"})) == []


def test_what_happens_at_the_instant_or_later_does_not_count() -> None:
    before, then = line("pam-scored", "2026-11-24T11:59:59.999999Z", id="a"), line("pam-scored", "2026-11-24T12:00:00Z")
    history = History(facts_of([before, then]), NOW)
    assert [fact.id for fact in history.of("pam-scored")] == ["a"]


def test_years_reach_from_the_first_fact_to_just_before_the_instant() -> None:
    facts = facts_of([line("pam-scored", "2024-03-31T12:00")])
    (first, *_, last) = History(facts, NOW).periods
    assert (first.year, last.year, last.seen_at) == (2023, 2026, NOW)
    (only,) = History(facts, first.seen_at).periods
    assert (only.year, only.seen_at) == (2023, first.seen_at)
    assert not History([], NOW).periods


def test_texts_are_ordered_by_code_point() -> None:
    same_time = [
        line("pam-scored", "2024-05-01", source=source, id=name, borough=borough)
        for source, name, borough in (("urn:Z", "b", "E09000003"), ("urn:a", "B", "E09000010"), ("urn:a", "a", CAMDEN))
    ]
    assert numbers("pam_people", same_time)[CAMDEN, "2024/25"] == 1
