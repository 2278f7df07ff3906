"""Where a number comes from: the events that are named make it, under every kind of rule, and no others do."""

import msgspec
import pytest
from audit_histories import AT, CATALOGUES, history, merge, told_at
from audit_lines import BARNET, CAMDEN, line, london

from pcare_audit.knowledge import merged_by, person_of
from pcare_audit.provenance import Provenance
from pcare_audit.replay import Counted, Replay
from pcare_schemas.kpis.catalogue import Catalogue, load
from pcare_schemas.log import LogLine
from pcare_schemas.recorded import SUBJECTS_MERGED_TYPE


def talk(who: str) -> LogLine:
    said = {"borough": CAMDEN, "conversation_ref": "c", "situation": "knee_pain", "setting": "primary"}
    return line("sdm-conversation", "2023-04-10", who, **said)


LINES = [
    *history(23, 1_200),
    told_at(line("sp-declined", "2024-04-10", "person:k1:declined", borough=CAMDEN, referral_ref="r"), 1),
    *(told_at(talk(f"person:k1:talked-{number}"), number) for number in range(6)),
]
NUMBERS = [
    pytest.param(catalogue, kpi, id=f"{name}-{kpi}") for name, catalogue in CATALOGUES.items() for kpi in catalogue.ids
]
IN_PLACE = {"in_place_at_end", "in_place_in_year", "share_in_place"}


def only(catalogue: Catalogue, kpi: str) -> Catalogue:
    """Return a catalogue of one KPI, and of what it is made of, so that nothing else is counted each time."""
    rule = catalogue[kpi].rule
    needed = {kpi, getattr(rule, "of", None) if rule.count == "share_in_place" else kpi, getattr(rule, "also_in", kpi)}
    return Catalogue(kpis=[one for one in catalogue.kpis if one.id in needed])


def provenance(catalogue: Catalogue, lines: list[LogLine], number: tuple[str, str, str]) -> Provenance:
    merged = merged_by(lines)
    found = Provenance(catalogue, *number, AT)
    aside = {*merged, *merged.values()}
    found.add([one for one in lines if one.subject not in aside], merged)
    found.add([one for one in lines if one.subject in aside], merged)
    found.finish()
    return found


@pytest.mark.parametrize(("catalogue", "kpi"), NUMBERS)
def test_the_events_named_make_the_number(catalogue: Catalogue, kpi: str) -> None:
    catalogue, merged = only(catalogue, kpi), merged_by(LINES)
    counts = {cell: counted for cell, counted in Replay(LINES).kpis(catalogue, AT).items() if cell[0] == kpi}
    assert counts
    for cell in sorted(counts, key=lambda cell: (cell[1], cell[2]))[:: max(1, len(counts) // 3)]:
        found = provenance(catalogue, LINES, cell)
        assert found.counted == counts[cell]
        named = {(one.source, one.id) for one in found.listed}
        assert found.events == len(found.listed) >= len(named)
        assert sum(share.events for share in found.by_provider_and_month.values()) == found.events
        people = {
            person_of(one.subject, merged)
            for one in LINES
            if (one.source, one.id) in named and catalogue[kpi].rule.count in IN_PLACE
        }  # what holds something in place is decided by all that was said of it
        left = [
            one
            for one in LINES
            if (one.source, one.id) in named
            or one.type == SUBJECTS_MERGED_TYPE
            or one.type.endswith(".event-retracted.v1")
            or person_of(one.subject, merged) in people
        ]
        assert Replay(left).kpis(catalogue, AT)[cell] == counts[cell]


def test_a_number_that_is_nothing_is_made_of_nothing() -> None:
    found = provenance(load(), LINES, ("sp_referrals", CAMDEN, "1990/91"))
    assert (found.counted, found.events, found.listed) == (Counted(0, 0, None), 0, [])  # type: ignore[arg-type]
    share = provenance(load(), [], ("choice_ers", "NCL", "2023/24"))
    assert share.counted == Counted(None, 0, 0)


def test_what_was_taken_back_merged_or_late_is_counted() -> None:
    def referral(number: int, time: str, who: str, borough: str = CAMDEN) -> LogLine:
        return told_at(line("sp-referral", time, who, borough=borough, referral_ref=f"r-{number}"), number)

    back = referral(2, "2024-04-10", "person:2")
    lines = [
        referral(1, "2024-04-10", "person:1"),  # recorded on 1 May
        referral(3, "2024-05-01T00:30", "person:3"),
        referral(4, "2024-03-10", "person:3"),
        referral(5, "2024-04-10", "person:4", BARNET),
        referral(6, "2024-06-10", "person:4"),  # after the instant
        back,
        told_at(line("event-retracted", "2024-05-01", "person:2", retracts=back.id, reason="duplicate"), 7),
        merge("person:3", "person:1", 8),
    ]
    lines.append(msgspec.structs.replace(lines[1], subject="person:1"))
    now = provenance(load(), lines, ("sp_referrals", CAMDEN, "2024/25"))
    assert (now.events, now.taken_back, now.moved, now.late, now.after_the_year) == (2, 1, 1, 1, 0)
    assert set(now.by_provider_and_month) == {("urn:a", "2024-04"), ("urn:a", "2024-05")}
    assert now.by_provider() == {"urn:a": 2}
    before = provenance(load(), lines, ("sp_referrals", "NCL", "2023/24"))
    assert (before.events, before.moved, before.late, before.after_the_year) == (1, 1, 1, 1)
    assert before.listed[0].time == london("2024-03-10")


def test_more_than_can_be_listed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcare_audit.provenance.LISTED_AT_MOST", 2)
    found = provenance(load(), LINES, ("sp_referrals", "NCL", "2020/21"))
    assert len(found.listed) == 2
    assert 2 < found.events == found.counted.numerator
