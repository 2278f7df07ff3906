"""The KPI catalogue is data: what is right in it is read, what is wrong is refused with its place and the reason."""

import json

import pytest

from pcare_schemas.kinds import KINDS
from pcare_schemas.kpis import catalogue
from pcare_schemas.kpis.areas import BOROUGHS
from pcare_schemas.kpis.data_file import DataFileError
from pcare_schemas.kpis.payload_fields import COUNTED_KINDS, REFERENCE_FIELDS
from pcare_schemas.kpis.rules import kinds_of

BUILT_IN = catalogue.BUILT_IN.read_text()


def load(tmp_path, text: str) -> catalogue.Catalogue:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text)
    return catalogue.load(path)


def with_rule(tmp_path, rule: str, additive: str = "true", unit: str = "people") -> catalogue.Catalogue:
    """Load the built-in catalogue and one KPI more, which is counted by `rule`; it stands on line 3 and on."""
    entry = f"""kpis:
  - {{id: another, component: all, title: Another, unit: "{unit}", personal: true, additive: {additive},
      rule: {{{rule}}}, dimensions: [borough, year], words: null}}
"""
    return load(tmp_path, BUILT_IN.replace("kpis:\n", entry, 1))


def test_the_built_in_catalogue_names_the_kpis_in_the_plans_order():
    assert catalogue.load().ids == (
        "choice_standards", "choice_ers", "sp_referrals", "sp_people", "sp_link_workers", "sdm_situations",
        "sdm_priority_areas", "sdm_conversations", "sdm_collaborate", "sdm_collaborate_mean", "pam_people",
        "pam_people_with_plan", "pcsp_active", "phb_people", "phb_active", "phb_with_plan", "upc_people",
    )  # fmt: skip
    shown = [kpi.component for kpi in catalogue.load().kpis]
    assert list(dict.fromkeys(shown)) == list(catalogue.COMPONENTS)
    assert shown == sorted(shown, key=catalogue.COMPONENTS.index)


def test_the_kinds_and_their_references_are_those_of_the_contract():
    assert {kind for kpi in catalogue.load().kpis for kind in kinds_of(kpi.rule)} <= set(COUNTED_KINDS)
    for kind, field in REFERENCE_FIELDS.items():
        assert field in KINDS[kind].model_fields["data"].annotation.model_fields


def test_the_boroughs_are_those_of_the_contract():
    assert BOROUGHS == {
        "E09000003": "Barnet",
        "E09000007": "Camden",
        "E09000010": "Enfield",
        "E09000014": "Haringey",
        "E09000019": "Islington",
    }


def test_a_kpi_says_what_its_value_is_and_how_it_moves():
    known = {kpi.id: (kpi.kind_of_value, kpi.course) for kpi in catalogue.load().kpis}
    assert known["sp_referrals"] == ("count", "year")
    assert known["phb_people"] == ("count", "year")
    assert known["pam_people"] == ("count", "standing")
    assert known["phb_active"] == ("count", "standing")
    assert known["phb_with_plan"] == ("share", "level")
    assert known["sdm_collaborate_mean"] == ("mean", "level")


def test_the_document_holds_all_of_it_as_plain_json():
    document = catalogue.load().document()
    assert json.loads(json.dumps(document)) == document
    assert document["version"] == catalogue.load().version
    shares = {kpi["id"]: kpi for kpi in document["kpis"]}["choice_ers"]
    assert shares["rule"]["of"]["where"] == {"elective": [True]}
    assert (shares["kind_of_value"], shares["course"]) == ("share", "level")


def test_the_version_follows_the_rules_and_nothing_else(tmp_path):
    version = catalogue.load().version
    assert load(tmp_path, BUILT_IN.replace("Social prescribing referrals", "Another title")).version == version
    assert load(tmp_path, BUILT_IN.replace("where: {elective: true}", "where: {elective: [true]}")).version == version
    assert load(tmp_path, BUILT_IN.replace("threshold: 5", "threshold: 6")).version != version
    assert load(tmp_path, BUILT_IN.replace("elective: true", "elective: false")).version != version
    assert load(tmp_path, BUILT_IN.replace("review_renews: true", "review_renews: false")).version != version


def test_the_version_follows_the_areas_of_the_situations(monkeypatch):
    version = catalogue.load().version
    monkeypatch.setattr(catalogue, "situation_areas", lambda: {"knee_pain": "cardiovascular"})
    assert catalogue.load().version != version


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("count: episodes, of: sp-ref", "count: epsiodes, of: sp-ref", "rule.*epsiodes"),
        ("by: situation, threshold: 5", "by: situation, threshold: 0", "threshold.*greater than or equal to 1"),
        ("by: situation, threshold: 5", "by: situation, threshold: five", "threshold.*valid integer"),
        ("unit: situations", "units: situations", "units.*not permitted"),
        ("of: pam-scored}", "of: pam-scores}", "of.*'pam-scores'.*did you mean 'pam-scored'"),
        ("of: pam-scored}", "of: event-retracted}", "of.*'event-retracted' is not a kind of event that can be counted"),
        ("count: people_in_year, of: sp-referral", "count: people_in_year, of: pam-scored", "no reference"),
        ("additive: false", "additive: true", "`additive` must be false"),
        ("component: personal health budgets", "component: budgets", "component"),
        ("id: sp_people", "id: sp_referrals", "id: the id 'sp_referrals' is there twice"),
        ("id: sp_people", "id: SP people", "pattern"),
        ("    unit: people\n", "    unit: people\n    unit: persons\n", "'unit' is there twice"),
        ('unit: "%"', "unit: percent", "unit: a share has the unit %"),
        ("    unit: people\n    personal: true", "    unit: people\n    personal: false", "`personal` must be true"),
        (
            "    unit: points\n    personal: true",
            "    unit: points\n    personal: false",
            "what people answered about a team",
        ),
        ("also_in: pcsp_active", "also_in: pcsp_activ", "also_in: 'pcsp_activ'.*did you mean 'pcsp_active'"),
        ("also_in: pcsp_active", "also_in: sp_people", "also_in: 'sp_people' is not a KPI.*in_place_at_end"),
        ("also_in: pcsp_active", "also_in: phb_active", "always 100"),
        ("also_in: pcsp_active", "also_in: sp_link_workers", "different things"),
        ("kpis:", "kpis: [", "not YAML"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_line_and_reason(tmp_path, old, new, complaint):
    assert old in BUILT_IN
    with pytest.raises(DataFileError, match=rf"catalogue\.yaml, line \d+.*{complaint}"):
        load(tmp_path, BUILT_IN.replace(old, new))


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("count: events, of: phb-issued, where: {one_of: true}", "where/one_of: 'one_of'.*did you mean 'one_off'"),
        ("count: events, of: phb-issued, where: {cohorts: dementa}", "where/cohorts: 'dementa': Input should be"),
        ("count: events, of: phb-issued, where: {cohorts: [dementia, 5]}", "where/cohorts: 5: Input should be"),
        ("count: events, of: phb-issued, where: {one_off: 1}", "where/one_off: 1: Input should be a valid boolean"),
        ("count: events, of: phb-issued, where: {one_off: []}", "where/one_off: no value"),
        ("count: events, of: phb-issued, where: {one_off: null}", "where/one_off: None is not true, false"),
        ("count: events, of: phb-issued, where: {starts: 2023-04-01}", "where/starts: .* is not true, false"),
        ("count: events, of: phb-issued, given: [planref]", "given/0: 'planref'.*did you mean 'plan_ref'"),
        ("count: events, of: pam-scored, where: {level: 5}", "where/level: 5: .*less than or equal to 4"),
        ("count: events, of: sp-referral, where: {borough: E09000001}", "where/borough: 'E09000001' is not a code"),
        ("count: episodes, of: sdm-conversation, where: {situation: knees}", "where/.*did you mean 'knee_pain'"),
        ("count: events, of: choice-standards-assessed, where: {standards_met: 10}", "where/.*'10' is not a code"),
        ("count: people_ever, of: pam-scored, where: [level]", "where: .*names with values"),
        ("count: people_reached, of: [pam-scored, pam-scored]", "of/1: named twice"),
        ("count: people_reached, of: []", "of: .*at least 1"),
        ("count: reached, of: sp-referral, by: situation, threshold: 5", "of: .*name no clinical situation"),
        (
            "count: in_place_at_end, opened_by: phb-issued, closed_by: care-plan-ended",
            "closed_by: care-plan-ended goes by plan_ref",
        ),
        (
            "count: in_place_in_year, opened_by: phb-issued, closed_by: sp-closed",
            "closed_by: sp-closed goes by referral_ref",
        ),
        (
            "count: in_place_at_end, opened_by: phb-issued, closed_by: phb-ended, renewed_by: phb-issued",
            "renewed_by: what does not lapse",
        ),
        (
            "count: in_place_at_end, opened_by: care-plan-agreed, review_renews: true, closed_by: care-plan-ended",
            "review_renews: state it",
        ),
        ("count: share, of: {count: episodes, of: pam-scored}, which: {where: {level: 4}}", "of/of: .*no reference"),
        ("count: share, of: {count: events, of: pam-scored}, which: {}", "which: state `where` or `given`"),
        ("count: share, of: {count: events, of: pam-scored}, which: {where: {leve: 4}}", "which/where/leve: 'leve'"),
        (
            "count: share, of: {count: events, of: pam-scored, where: {leve: 4}}, which: {given: [plan_ref]}",
            "of/where/leve: 'leve'",
        ),
        ("count: share_of_latest, of: pam-scored, counted: level, out_of: 9", "counted: level holds no list"),
        ("count: share_of_latest, of: pam-scored, counted: levl, out_of: 9", "counted: 'levl'.*'level'"),
        (
            "count: share_of_latest, of: choice-standards-assessed, counted: standards_met, out_of: 8",
            "out_of: standards_met may hold 9",
        ),
        ("count: mean, of: pam-scored, fields: [score]", "fields/0: score is not a whole number"),
        ("count: mean, of: phb-issued, fields: [annual_value_pence]", "fields/0: .*that every event"),
        ("count: mean, of: pam-scored, fields: [level, level]", "fields/1: named twice"),
        ("count: mean, of: pam-scored, fields: [levels]", "fields/0: 'levels'.*'level'"),
        ("count: mean, of: pam-scored, fields: [level], at_least: 0", "at_least: .*greater than or equal to 1"),
    ],
)
def test_a_rule_that_no_event_fits_is_refused_at_its_own_key(tmp_path, rule, complaint):
    with pytest.raises(DataFileError, match=rf"catalogue\.yaml, line \d+: kpis/0/rule/{complaint}"):
        with_rule(tmp_path, rule)


@pytest.mark.parametrize(
    ("rule", "additive", "unit"),
    [
        ("count: events, of: phb-issued, where: {cohorts: [dementia, ltc], integrated: true}", "true", "budgets"),
        ("count: episodes, of: sp-referral, where: {reasons: lonely_or_isolated, referrer: [gp, self]}", "true", "x"),
        ("count: people_in_year, of: phb-issued, given: [plan_ref]", "true", "people"),
        ("count: people_ever, of: pam-scored, where: {imd_decile: [1, 2], sex: female}", "true", "people"),
        ("count: events, of: choice-standards-assessed, where: {standards_met: 9}", "true", "assessments"),
        ("count: events, of: sp-referral, where: {link_worker_provider: RKE, pcn: U12345}", "true", "referrals"),
        ("count: mean, of: pam-scored, fields: [level], where: {cut_points: revised}", "false", "level"),
        ("count: share, of: {count: events, of: pam-scored}, which: {where: {level: [3, 4]}}", "false", "%"),
        ("count: in_place_at_end, opened_by: sp-referral, closed_by: sp-closed", "true", "people"),
    ],
)
def test_a_kpi_is_added_without_code(tmp_path, rule, additive, unit):
    added = with_rule(tmp_path, rule, additive, unit)
    assert added.ids[0] == "another"
    assert len(added.kpis) == 1 + len(catalogue.load().kpis)
    assert added["another"].title == "Another"


def test_the_line_is_that_of_the_mistake(tmp_path):
    text = BUILT_IN.replace("elective: true", "electiv: true")
    line = 1 + text[: text.index("electiv: true")].count("\n")
    with pytest.raises(DataFileError, match=f"line {line}: kpis/1/rule/of/where/electiv: 'electiv'"):
        load(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path):
    with pytest.raises(DataFileError) as caught:
        load(tmp_path, BUILT_IN.replace("threshold: 5", "threshold: 0").replace("unit: conversations", "unit: ''"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("text", ["", "[]", "kpis: []", "kpis:\n  - 5"])
def test_an_empty_catalogue_is_refused(tmp_path, text):
    with pytest.raises(DataFileError, match=r"catalogue\.yaml, line 1|line 2"):
        load(tmp_path, text)


def test_a_catalogue_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read"):
        catalogue.load(tmp_path / "nowhere.yaml")
    with pytest.raises(DataFileError, match=r"catalogue\.yaml: .*day"):
        load(tmp_path, "kpis: 2023-02-30")


def test_an_id_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError, match="nobody"):
        catalogue.load()["nobody"]
