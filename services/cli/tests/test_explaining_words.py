"""A rule in words: those of the page, whatever catalogue is in use."""

import re
from pathlib import Path
from typing import get_args

import pytest

from pcare_cli.explaining.words import FIXED, in_words
from pcare_schemas.kpis import rules
from pcare_schemas.kpis.catalogue import load

ROOT = Path(__file__).parents[3]
PAGE = " ".join(re.sub(r"[`*]", "", (ROOT / "docs" / "kpis.md").read_text()).split())
ANOTHER = ROOT / "tests" / "proof" / "another_catalogue.yaml"
OF_ONE_KPI = {"share_of_latest"}  # the page says it of the commissioners' standards, the one KPI that is counted so


@pytest.mark.parametrize("kind", sorted(FIXED.keys() - OF_ONE_KPI))
def test_the_page_says_the_same(kind: str) -> None:
    for sentence in re.findall(r"[^.]+\.(?: |$)", FIXED[kind]):
        assert sentence.strip() in PAGE


def test_each_kind_of_rule_has_words() -> None:
    kinds = {get_args(one.model_fields["count"].annotation)[0] for one in get_args(get_args(rules.Rule)[0])}
    assert kinds == FIXED.keys()


@pytest.mark.parametrize("catalogue", [load(), load(ANOTHER)], ids=["plan", "another"])
def test_what_the_catalogue_states_is_said(catalogue) -> None:  # type: ignore[no-untyped-def]
    for kpi in catalogue.kpis:
        said = " ".join(in_words(kpi, catalogue))
        assert said.startswith(FIXED[kpi.rule.count])
        assert all(kind in said for kind in rules.kinds_of(kpi.rule))
        where = getattr(kpi.rule, "where", {})
        assert all(field in said for field in where)


def test_a_filter_a_threshold_and_what_is_made_of_others() -> None:
    catalogue = load(ANOTHER)
    said = {kpi.id: " ".join(in_words(kpi, catalogue)) for kpi in catalogue.kpis}
    assert "phb-issued whose one_off is true and cohorts is s117 or ltc." in said["single_payments"]
    assert (
        "priority areas with at least 3 episodes of sdm-conversation whose decision_aid is true" in said["areas_thrice"]
    )
    assert "With fewer than 10 of them there is no value." in said["measured_with_plan"]
    assert "The one is open_referrals: People, or posts," in said["referred_with_plan"]
    assert "It lapses 3 months" in said["quarterly_plans"]
    assert "renewed" not in said["quarterly_plans"].replace("opened or renewed", "")
    assert "renewed by care-plan-reviewed" in said["lasting_plans"]
