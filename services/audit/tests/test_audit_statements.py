"""Statements: their numbers add up, or it is said that they do not; what is not known is never a zero."""

import datetime as dt
import json
from dataclasses import replace

import pytest

from pcare_audit.statements.counts import Counts, total
from pcare_audit.statements.rendering import as_csv, as_text
from pcare_audit.statements.statement import (
    UNKNOWN,
    KindLine,
    Line,
    Made,
    ReasonLine,
    Statement,
    StatementError,
    merged,
)

RKE, UNTOLD = Counts(100, 10, 4, 7, 1), Counts(0, 2, 0, 0, 0)
STATEMENT = Statement(
    dt.date(2024, 3, 5),
    dt.date(2024, 3, 5),
    None,
    Made("2024-03-06T09:00:00.000Z", "0.1.0", 17),
    (Line("RKE", "Whittington\u0007", RKE), Line(UNKNOWN, "", UNTOLD)),
    (Line("interventions.submitted", "", RKE + UNTOLD),),
    (KindLine("pam-scored", 60, 7), KindLine("sp-referral", 40, 0)),
    (ReasonLine("invalid_data", 10, 4), ReasonLine("not_json", 2, 0)),
    ("100 rows of pcare.interventions",),
)


def test_a_sum_with_something_that_is_not_known_is_not_known() -> None:
    assert RKE.accepted == 118
    assert total([RKE, UNTOLD]) == Counts(100, 12, 4, 7, 1)
    forgotten = RKE + Counts(5, 1, 0, None, 0)
    assert (forgotten.recorded, forgotten.duplicates, forgotten.waiting, forgotten.accepted) == (105, None, 1, None)
    assert Counts(5, 1, 0, 3, None).accepted is None


def test_what_is_signed_says_all_that_there_is() -> None:
    assert STATEMENT.faults() == []
    assert as_text(STATEMENT) == (
        "uk.nhs.ncl.personalised-care/statement\n"
        "of all providers\n"
        "what arrived on 2024-03-05, by London's clocks\n"
        "made 2024-03-06T09:00:00.000Z by pcare 0.1.0, act 17 of the audit trail\n"
        "\n"
        "120 accepted = 100 recorded + 7 duplicates + 12 rejected + 1 waiting\n"
        "4 of the rejected were repaired before this was made\n"
        "\n"
        "provider  accepted  recorded  duplicates  rejected  repaired  waiting\n"
        "RKE            118       100           7        10         4        1\n"
        "unknown          2         0           0         2         0        0\n"
        "all            120       100           7        12         4        1\n"
        "\n"
        "arrived by               accepted  recorded  duplicates  rejected  repaired  waiting\n"
        "interventions.submitted       120       100           7        12         4        1\n"
        "\n"
        "kind         recorded  duplicates\n"
        "pam-scored         60           7\n"
        "sp-referral        40           0\n"
        "\n"
        "rejected for  rejected  repaired\n"
        "invalid_data        10         4\n"
        "not_json             2         0\n"
        "\n"
        "Drawn from:\n"
        "- 100 rows of pcare.interventions\n"
    )
    one = as_text(replace(STATEMENT, provider="RKE", providers=STATEMENT.providers[:1]))
    assert "of provider RKE, Whittington\ufffd\n" in one


def test_what_is_not_known_is_said_and_is_no_zero() -> None:
    forgotten = replace(
        STATEMENT,
        providers=(Line("RKE", "", Counts(100, 12, 4, None, None)),),
        topics=(Line("interventions.submitted.rke", "", Counts(100, 12, 4, None, None)),),
        kinds=(KindLine("pam-scored", 100, None),),
        not_known=("interventions.submitted.rke begins on 2024-03-20",),
    )
    assert forgotten.faults() == []
    text = as_text(forgotten)
    assert "not known accepted = 100 recorded + not known duplicates + 12 rejected + not known waiting\n" in text
    assert text.endswith("Not known:\n- interventions.submitted.rke begins on 2024-03-20\n")
    assert "2024-03-05,2024-03-05,total,,,100,,12,4,\n" in as_csv(forgotten)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"topics": (Line("interventions.submitted", "", RKE),)}, "other sums"),
        ({"kinds": STATEMENT.kinds[:1]}, "60 events of all kinds, and 100 recorded"),
        ({"kinds": (KindLine("pam-scored", 100, 6),)}, "duplicates of all kinds"),
        ({"reasons": STATEMENT.reasons[:1]}, "10 rejections for all reasons, and 12 rejected"),
        ({"reasons": (ReasonLine("not_json", 12, 3),)}, "3 repaired of all reasons, and 4 in all"),
        ({"troubles": ("it is odd",)}, "it is odd"),
    ],
)
def test_what_does_not_add_up_is_said(change: dict[str, object], said: str) -> None:
    wrong = replace(STATEMENT, **change)  # type: ignore[arg-type]
    assert said in " ".join(wrong.faults())
    assert "DOES NOT ADD UP:" in as_text(wrong)


def test_the_same_statement_comes_back_from_its_json_and_nothing_else_does() -> None:
    document = json.loads(json.dumps(STATEMENT.document()))
    assert Statement.of_document(document) == STATEMENT
    for change in (
        {"total": {**document["total"], "recorded": 101}},
        {"providers": [{**document["providers"][0], "recorded": -1}]},
        {"act": "17"},
        {"drawn": [1]},
        {"first": "yesterday"},
        {"more": 1},
    ):
        with pytest.raises(StatementError):
            Statement.of_document({**document, **change})
    for other in (None, [], "", {}):
        with pytest.raises(StatementError):
            Statement.of_document(other)


def test_a_spreadsheet_has_a_line_for_each_number() -> None:
    lines = as_csv(STATEMENT).splitlines()
    assert lines[0] == "first,last,by,of,accepted,recorded,duplicates,rejected,repaired,waiting"
    assert "2024-03-05,2024-03-05,provider,RKE,118,100,7,10,4,1" in lines
    assert "2024-03-05,2024-03-05,kind,pam-scored,,60,7,,," in lines
    assert "2024-03-05,2024-03-05,reason,not_json,,,,2,0," in lines
    assert lines[-1] == "2024-03-05,2024-03-05,total,,120,100,7,12,4,1"


def test_lines_of_one_thing_are_one_line() -> None:
    assert merged([Line(UNKNOWN, "", UNTOLD), Line("B", "", RKE), Line("A", "", RKE), Line("B", "Bee", RKE)]) == (
        Line("A", "", RKE),
        Line("B", "Bee", RKE + RKE),
        Line(UNKNOWN, "", UNTOLD),
    )
