import pytest

from pcare_common.errors import OperatorError
from pcare_kpi_aggregator import catalogue, targets
from pcare_kpi_aggregator.finish import BOROUGHS
from pcare_kpi_aggregator.kinds import RETRACTED, WITH_REF
from pcare_kpi_aggregator.years import year_from_label
from pcare_schemas.kinds import KINDS

BUILT_IN = catalogue.BUILT_IN.read_text()


def load(tmp_path, text: str) -> catalogue.Catalogue:
    path = tmp_path / "catalogue.yaml"
    path.write_text(text)
    return catalogue.load(path)


def test_the_built_in_catalogue_names_the_kpis_in_the_plans_order():
    kpis = [kpi.id for kpi in catalogue.load().kpis]
    assert kpis == [
        "sp_referrals", "sp_people", "sdm_conversations", "sdm_situations", "pam_people", "pcsp_active", "phb_people"
    ]  # fmt: skip


def test_the_kinds_are_those_of_the_contract():
    assert catalogue.load().fold().kinds <= KINDS.keys()
    assert RETRACTED in KINDS
    for kind, field in WITH_REF.items():
        assert field in KINDS[kind].model_fields["data"].annotation.model_fields


def test_the_boroughs_are_those_of_the_contract():
    assert BOROUGHS == {
        "E09000003": "Barnet",
        "E09000007": "Camden",
        "E09000010": "Enfield",
        "E09000014": "Haringey",
        "E09000019": "Islington",
    }


def test_the_version_follows_the_rules_and_nothing_else(tmp_path):
    version = catalogue.load().version
    assert load(tmp_path, BUILT_IN.replace("Social prescribing referrals", "Another title")).version == version
    assert load(tmp_path, BUILT_IN.replace("threshold: 5", "threshold: 6")).version != version
    assert load(tmp_path, BUILT_IN.replace("review_renews: true", "review_renews: false")).version != version


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("count: episodes", "count: epsiodes", "rule.*epsiodes"),
        ("threshold: 5", "threshold: 0", "threshold.*greater than or equal to 1"),
        ("threshold: 5", "threshold: five", "threshold.*valid integer"),
        ("unit: situations", "units: situations", "units.*not permitted"),
        ("of: pam-scored", "of: pam-scores", "of.*'pam-scored'"),
        ("of: sp-referral}\n    additive: true", "of: pam-scored}\n    additive: true", "no reference"),
        ("additive: false", "additive: true", "`additive` must be false"),
        ("component: personal health budgets", "component: budgets", "component"),
        ("id: sp_people", "id: sp_referrals", "'sp_referrals' is there twice"),
        ("id: sp_people", "id: SP people", "pattern"),
        ("    unit: people\n", "    unit: people\n    unit: persons\n", "'unit' is there twice"),
        ("kpis:", "kpis: [", "not YAML"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_line_and_reason(tmp_path, old, new, complaint):
    assert old in BUILT_IN
    with pytest.raises(OperatorError, match=rf"catalogue\.yaml, line \d+.*{complaint}"):
        load(tmp_path, BUILT_IN.replace(old, new))


def test_the_line_is_that_of_the_mistake(tmp_path):
    text = BUILT_IN.replace("threshold: 5", "threshold: 0")
    line = 1 + text[: text.index("threshold: 0")].count("\n")
    with pytest.raises(OperatorError, match=f"line {line}: kpis/3/rule/threshold"):
        load(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path):
    with pytest.raises(OperatorError) as caught:
        load(tmp_path, BUILT_IN.replace("threshold: 5", "threshold: 0").replace("unit: conversations", "unit: ''"))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["", "[]", "kpis: []", "kpis:\n  - 5"])
def test_an_empty_catalogue_is_refused(tmp_path, text):
    with pytest.raises(OperatorError, match=r"catalogue\.yaml, line 1|line 2"):
        load(tmp_path, text)


def test_a_catalogue_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(OperatorError, match="cannot be read"):
        catalogue.load(tmp_path / "nowhere.yaml")


KPIS = [kpi.id for kpi in catalogue.load().kpis]


def targets_of(tmp_path, text: str) -> targets.Targets:
    path = tmp_path / "targets.yaml"
    path.write_text(text)
    return targets.load(path, KPIS)


def test_the_plans_targets():
    built_in = targets.load(None, KPIS)
    values = {kpi: built_in.value(kpi, "NCL", 2023) for kpi in KPIS}
    assert values == {
        "sp_referrals": 23163,
        "sp_people": 23163,
        "sdm_conversations": None,
        "sdm_situations": 30,
        "pam_people": 21619,
        "pcsp_active": 28189,
        "phb_people": 4633,
    }
    assert built_in.value("phb_people", "NCL", 2030) == 4633
    assert built_in.value("phb_people", "NCL", 2022) is None  # no baseline is known, so there is no line to it
    assert built_in.value("phb_people", "E09000007", 2023) is None


def test_from_a_known_baseline_the_line_is_straight(tmp_path):
    line = targets_of(
        tmp_path,
        "targets:\n- {kpi: phb_people, area: NCL, value: 4000, by: 2023/24, baseline: {value: 1000, year: 2018/19}}",
    )
    years = [year_from_label(label) for label in ("2017/18", "2018/19", "2020/21", "2023/24", "2024/25")]
    assert [line.value("phb_people", "NCL", year) for year in years] == [None, 1000, 2200, 4000, 4000]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("kpi: nobody, area: NCL, value: 1, by: 2023/24, baseline: null", "not in the catalogue: nobody"),
        ("kpi: phb_people, area: London, value: 1, by: 2023/24, baseline: null", "neither NCL nor"),
        ("kpi: phb_people, area: NCL, value: 1, by: '2023', baseline: null", "not a financial year"),
        ("kpi: phb_people, area: NCL, value: -1, by: 2023/24, baseline: null", "greater than or equal to 0"),
        ("kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: {value: 2, year: 2023/24}", "before the target"),
        ("kpi: phb_people, area: NCL, by: 2023/24, baseline: null", "value.*required"),
    ],
)
def test_wrong_targets_are_refused(tmp_path, entry, complaint):
    with pytest.raises(OperatorError, match=complaint):
        targets_of(tmp_path, f"targets:\n  - {{{entry}}}")


def test_two_targets_for_one_kpi_and_area_are_refused(tmp_path):
    entry = "  - {kpi: phb_people, area: NCL, value: 1, by: 2023/24, baseline: null}\n"
    with pytest.raises(OperatorError, match="two targets"):
        targets_of(tmp_path, "targets:\n" + entry + entry)
