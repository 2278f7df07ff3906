"""Rows as events, by a mapping or by the names of the columns."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publish_support import IDENTITY, NHS_NUMBER, builder

from pcare_cli.publishing import mapping as mappings
from pcare_cli.publishing.building import UNREADABLE
from pcare_cli.publishing.identity import Identity, IdKeyError, read_or_make
from pcare_cli.publishing.mapping import MappingError, read_mapping
from pcare_client import Event, Problem

DECLINED = {"nhs_number": NHS_NUMBER, "time": "2024-04-19 10:30", "borough": "E09000019", "referral_ref": "0017"}
EXPORT = {
    "kind": "sp-referral",
    "source": "RKE",
    "columns": {
        "nhs_number": "NHS Number",
        "time": {"column": "Referral Date", "format": "%d-%b-%Y"},
        "referral_ref": "Ref No",
        "referrer": {"column": "Referred By", "values": {"GP Surgery": "gp", "Self": "self"}, "otherwise": "other"},
        "reasons": {"column": "Why", "separator": "/"},
    },
    "constants": {"borough": "E09000019"},
}
ROW = {
    "NHS Number": "999 000 0018", "Referral Date": "19-Apr-2024", "Ref No": "0042", "Referred By": "gp surgery ",
    "Why": "mental_health/long_term_condition", "Telephone": "not ours",
}  # fmt: skip


def built(cells, mapping=None, **more):
    event = builder(list(cells), mapping, **more).build(cells)
    assert isinstance(event, Event), event
    return event.document()


def refused(cells, mapping=None, **more):
    problem = builder(list(cells), mapping, **more).build(cells)
    assert isinstance(problem, Problem)
    assert problem.reason == UNREADABLE
    return problem.errors[0]


def test_columns_with_the_fields_names_need_no_mapping():
    event = built({"NHS Number": NHS_NUMBER, "Time": "2024-04-19", "Borough": "E09000019"}, kind="sp-declined")
    assert event["subject"] == f"nhs-number:{NHS_NUMBER}"
    assert event["source"].endswith("/RKE")
    assert event["type"] == "uk.nhs.ncl.personalised-care.sp-declined.v1"
    assert event["data"] == {"borough": "E09000019"}


def test_a_mapping_says_which_column_is_what_and_the_rest_is_passed_over():
    event = built(ROW, EXPORT, source=None)
    assert event["time"] == "2024-04-19T12:00:00+01:00"
    assert event["data"] == {
        "borough": "E09000019",
        "referral_ref": "0042",
        "referrer": "gp",
        "reasons": ["mental_health", "long_term_condition"],
    }
    assert built({**ROW, "Referred By": "a dentist"}, EXPORT)["data"]["referrer"] == "other"


def test_leading_zeros_stay():
    assert built(DECLINED, kind="sp-declined")["data"]["referral_ref"] == "0017"


def test_an_empty_cell_is_left_out():
    assert "referral_ref" not in built({**DECLINED, "referral_ref": " "}, kind="sp-declined")["data"]


def test_a_misspelt_column_is_not_lost_in_silence():
    with pytest.raises(MappingError, match="referral_ref"):
        builder([*DECLINED, "referal_ref"], kind="sp-declined")
    assert builder([*DECLINED, "referal_ref"], kind="sp-declined", ignore=True)


def test_a_field_of_another_kind_is_a_mistake_too():
    with pytest.raises(MappingError, match="`score`"):
        builder([*DECLINED, "score"], kind="sp-declined")


@pytest.mark.parametrize("missing", ["nhs_number", "time", "borough"])
def test_what_every_row_needs_is_asked_for_before_anything_is_sent(missing):
    with pytest.raises(MappingError, match=missing):
        builder([name for name in DECLINED if name != missing], kind="sp-declined")


@pytest.mark.parametrize(
    ("given_kind", "given_source", "said"),
    [(None, "RKE", "--kind"), ("sp-declined", None, "--source"), ("sp-decline", "RKE", "sp-declined")],
)
def test_kind_and_source_have_to_be_said_and_to_be_such(given_kind, given_source, said):
    with pytest.raises(MappingError, match=said):
        builder(list(DECLINED), kind=given_kind, source=given_source)


def test_a_file_may_hold_several_kinds():
    cells = {**DECLINED, "kind": "sp-declined", "score": ""}
    assert built(cells)["type"].endswith(".sp-declined.v1")
    assert refused({**cells, "kind": "sp"}).pointer == "/type"
    assert built({**cells, "score": "3"})["data"]["score"] == "3", "for ingest to refuse"


def test_a_row_says_whom_it_is_about_in_one_way():
    both = {**DECLINED, "subject": "person:k1:" + "0" * 32}
    assert refused(both, kind="sp-declined").pointer == "/subject"
    assert refused({**DECLINED, "nhs_number": ""}, kind="sp-declined").pointer == "/subject"


def test_workers_and_teams_may_be_named_by_their_own_number():
    post = {"subject": "lw-014", "time": "2024-04-02", "pcn": "U12345", "employer": "RYX", "wte": "0.8"}
    assert built(post, kind="link-worker-joined", source="RYX")["subject"] == "link-worker:RYX:lw-014"
    answers = {"understand": "9", "listen": "9", "include": "8", "time": "2024-05-15", "team": "msk-2", "id": "a-1"}
    event = built(answers, kind="collaborate-scored", source="age-well")
    assert event["subject"] == "team:age-well:msk-2"
    assert event["id"] == "a-1"
    assessed = {"subject": "QMJ", "standards_met": "1;2", "time": "2024-03-28"}
    assert built(assessed, kind="choice-standards-assessed", source="QMJ")["subject"] == "commissioner:QMJ"


def test_answers_of_nobody_need_something_that_tells_them_apart():
    answers = {"understand": "9", "listen": "9", "include": "8", "time": "2024-05-15", "team": "msk-2"}
    with pytest.raises(MappingError, match="`id`"):
        builder(list(answers), kind="collaborate-scored")
    columns = {name: name for name in answers}
    keyed = {"columns": columns, "key": ["Answer"]}
    first, second = ({**answers, "Answer": number} for number in ("1", "2"))
    assert built(first, keyed, kind="collaborate-scored")["id"] != built(second, keyed, kind="collaborate-scored")["id"]
    assert refused({**answers, "Answer": ""}, keyed, kind="collaborate-scored").pointer == "/id"


def test_an_id_follows_from_what_a_row_says_and_not_from_how_the_file_is_made():
    first = built(DECLINED, kind="sp-declined")
    again = built(
        {"Borough": " E09000019", "time": "19/04/2024 10:30", "nhs_number": "999 000 0018", "referral_ref": "0017"},
        kind="sp-declined",
    )
    assert first == again
    other = built({**DECLINED, "referral_ref": "17"}, kind="sp-declined")
    assert other["id"] != first["id"]


def test_with_a_key_a_mended_row_keeps_its_id():
    keyed = {"key": ["Referral Ref"]}
    first = built(DECLINED, keyed, kind="sp-declined")
    assert built({**DECLINED, "borough": "E09000007"}, keyed, kind="sp-declined")["id"] == first["id"]
    assert built({**DECLINED, "referral_ref": "0018"}, keyed, kind="sp-declined")["id"] != first["id"]


def test_a_short_row_has_the_id_and_the_plan_of_its_table():
    short = {name: DECLINED[name] for name in ("nhs_number", "time", "borough")}
    made = builder(list(DECLINED), {"key": ["time", "Referral Ref"]}, kind="sp-declined")
    assert made.build(short).errors[0].message == "The row's key is empty."
    made = builder(list(DECLINED), {"key": ["time"]}, kind="sp-declined")
    assert made.build(short).document()["data"] == {"borough": "E09000019"}


def test_an_id_tells_nothing_without_the_key_it_was_made_under():
    other = Identity(b"another key, of thirty-two bytes")
    event = built(DECLINED, kind="sp-declined")
    assert other.of_content(event) != IDENTITY.of_content(event) == event["id"]
    assert other.fingerprint() != IDENTITY.fingerprint()


def test_the_key_of_ids_is_made_once_and_only_its_owner_reads_it(tmp_path):
    file = tmp_path / "new" / "id.key"
    first, made = read_or_make(file)
    again, made_again = read_or_make(file)
    assert (made, made_again) == (True, False)
    assert first.fingerprint() == again.fingerprint()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("short")
    with pytest.raises(IdKeyError):
        read_or_make(file)


def test_a_whole_cloudevent_is_sent_as_it_is():
    lines = builder(None)
    given = {"specversion": "1.0", "id": "e-1", "type": "t", "data": {"a": 1}, "pcare_reason": "of a report"}
    event = lines.build(given).document()
    assert event == {"specversion": "1.0", "id": "e-1", "type": "t", "data": {"a": 1}, "source": event["source"]}
    del given["id"]
    assert lines.build(given).id == lines.build(given).id


def test_flat_lines_may_hold_json_s_own_values():
    lines = builder(None, kind="phb-issued")
    cells = {
        "nhs_number": NHS_NUMBER, "time": "2024-04-25", "borough": "E09000007", "budget_ref": "B",
        "cohorts": ["adult_chc"], "management": "notional", "annual_value_pence": 1845000, "one_off": None,
    }  # fmt: skip
    data = lines.build(cells).document()["data"]
    assert data["cohorts"] == ["adult_chc"]
    assert data["annual_value_pence"] == 1845000
    assert "one_off" not in data
    assert lines.build({**cells, "misspelt": 1}).reason == UNREADABLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: sp-referal", "sp-referral"),
        ("columns: {nhs_numer: A}", "nhs_number"),
        ("colums: {}", "colums"),
        ("columns: [1]", "columns"),
        ("a: [", "YAML"),
    ],
)
def test_a_mistake_in_a_mapping_is_named(tmp_path, text, said):
    file = tmp_path / "map.yaml"
    file.write_text(text)
    with pytest.raises(MappingError, match=said):
        read_mapping(file)


def test_a_mapping_is_read_from_its_file(tmp_path):
    file = tmp_path / "map.yaml"
    file.write_text(json.dumps(EXPORT))
    assert read_mapping(file) == mappings.Mapping.model_validate(EXPORT)
    with pytest.raises(MappingError, match="Ref No"):
        builder([name for name in ROW if name != "Ref No"], EXPORT)


@given(st.dictionaries(st.sampled_from([*ROW]), st.text(max_size=30)), st.booleans())
def test_any_cells_give_an_event_or_say_why_not(cells, keyed):
    made = builder(list(ROW), {**EXPORT, **({"key": ["Ref No"]} if keyed else {})}).build({**ROW, **cells})
    assert isinstance(made, (Event, Problem))
    if isinstance(made, Event):
        assert json.loads(made.body)["id"]


@given(st.permutations(list(ROW)), st.text(" \u00a0", max_size=3))
def test_neither_order_of_columns_nor_spaces_change_an_event(columns, spaces):
    cells = {name: spaces + ROW[name] + spaces for name in columns}
    assert built(cells, EXPORT) == built(ROW, EXPORT)
