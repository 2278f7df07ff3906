"""The mapping is data: what is wrong with it is found at the start, and its page is current."""

import copy
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhir.resources.R4B import get_fhir_model_class
from fhir_support import KINDS
from pydantic import ValidationError

from pcare_ingest.fhir import page
from pcare_ingest.fhir.mapping import FieldRule, Mapping, built_in
from pcare_ingest.fhir.paths import Node, element, parse
from pcare_schemas.kinds import KINDS as ALL_KINDS

TEXT = (resources.files("pcare_ingest.fhir") / "mapping.yaml").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[3]
NOT_IN_FHIR = {
    "choice-offered",
    "choice-standards-assessed",
    "link-worker-joined",
    "link-worker-left",
    "collaborate-scored",
    "event-retracted",
}
"""Kinds of which no resource is taken; event-retracted comes of a status."""


def test_the_page_is_what_the_mapping_says() -> None:
    assert (ROOT / "docs" / "fhir.md").read_text() == page.page(), "run `make generate`"


def test_every_kind_is_mapped_with_an_example_or_named_here() -> None:
    mapped = {rule.kind for read in built_in().resources.values() for rule in read.rules}

    assert mapped == set(KINDS)
    assert mapped | NOT_IN_FHIR == set(ALL_KINDS)


def elements(kind: str) -> dict[str, Any]:
    model: Any = get_fhir_model_class(kind)
    return {field.alias or name: field for name, field in model.model_fields.items()}


def paths_of(kind: str) -> set[str]:
    read = built_in().resources[kind]
    found = {read.subject, *read.source}
    for rule in read.rules:
        found |= {rule.code.path, *rule.time, *(path for field in rule.data.values() for path in field.paths)}
    return found


@pytest.mark.parametrize("kind", built_in().resources)
def test_every_path_begins_with_an_element_that_r4_has(kind: str) -> None:
    known = elements(kind)

    for path in paths_of(kind):
        name, is_extension = parse(path).steps[0]
        assert is_extension or name in known, path
    assert all(name in known for name in built_in().resources[kind].only)


@pytest.mark.parametrize("kind", built_in().resources)
def test_every_status_is_one_that_r4_has(kind: str) -> None:
    known = set(elements(kind)["status"].json_schema_extra["enum_values"])
    more = {"corrected"} if "+" in known else set()  # the library ends the list of an Observation with "+"

    assert set(built_in().statuses(kind)) < known | more


def test_every_extension_stands_in_an_element_that_r4_has() -> None:
    known = elements("Extension")

    assert all(extension.value in known for extension in built_in().extensions.values())


def change(*steps: Any, to: Any) -> Callable[[Any], None]:
    def spoil(document: Any) -> None:
        for step in steps[:-1]:
            document = document[step]
        document[steps[-1]] = to

    return spoil


REFERRAL = ("resources", "ServiceRequest", "rules", 0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change(*REFERRAL, "kind", to="sp-referal"), "no such kind"),
        (change(*REFERRAL, "data", "referer", to={"from": ["code"], "as": "value"}), "no such fields"),
        (change(*REFERRAL, "data", to={}), "required, and not mapped"),
        (change(*REFERRAL, "time", to=["extension(nothing).valueDateTime"]), "`extensions` has no nothing"),
        (change(*REFERRAL, "time", to=["author edOn"]), "is not a path"),
        (change(*REFERRAL, "code", "system", to="snomet"), "`systems` has no snomet"),
        (change(*REFERRAL, "colour", to="red"), "Extra inputs"),
        (change("person", "sex", to={"from": ["%patient.gender"], "as": "words"}), "Input should be"),
        (change("person", "sex", to={"as": "value"}), "needs a path"),
        (change("person", "sex", to={"from": ["gender"], "as": "code"}), "`codings` belong"),
        (change("own_systems", "referrer", to={"field": "sp-referral.nobody"}), "names a system"),
    ],
)
def test_what_is_wrong_is_said(spoil: Callable[[Any], None], said: str) -> None:
    document = copy.deepcopy(yaml.safe_load(TEXT))
    spoil(document)

    with pytest.raises(ValidationError, match=said):
        Mapping.model_validate(document)


def test_a_field_of_the_resource_itself_takes_no_path() -> None:
    with pytest.raises(ValidationError, match="takes no path"):
        FieldRule.model_validate({"from": ["id"], "as": "own-ref"})


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("status", "status"),
        ("valueQuantity", "value.ofType(Quantity)"),
        ("performedDateTime", "performed.ofType(dateTime)"),
        ("valueCode", "value.ofType(code)"),
        ("valued", "valued"),
    ],
)
def test_a_choice_is_written_as_fhirpath_has_it(name: str, written: str) -> None:
    assert element(name) == written


def test_a_path_goes_through_lists_and_tells_where_it_went() -> None:
    node = Node({"component": [{"value": 1}, "odd", {"value": [2, 3]}]}, "Observation")

    found = [(one.value, one.at) for one in parse("component.value").follow(node, {})]

    assert found == [
        (1, "Observation.component[0].value"),
        (2, "Observation.component[2].value[0]"),
        (3, "Observation.component[2].value[1]"),
    ]
