"""How schemathesis looks at ingest: what it is given of the document, and what it is to think of a refusal.

schemathesis loads this module into its own process (SCHEMATHESIS_HOOKS).
"""

import os
from collections.abc import Iterator
from typing import Any

import schemathesis

from pcare_schemas.examples import VALID

KINDS = os.environ.get("PCARE_SCHEMATHESIS_KINDS", "").split()
"""The kinds of event to try; none named, all."""

BEYOND_A_SCHEMA = frozenset(
    {
        "identifiable_data",  # ten digits, anywhere, that pass the check of an NHS number
        "time_out_of_range",  # the clock
        "unknown_code",  # a code has days of validity; a slug stands in the register
        "unknown_provider",  # the register
    }
)
BETWEEN_FIELDS = frozenset(
    {
        "/subject",  # the check digit
        "/subjectprev",  # is under another key than the subject, and of a person
        "/data/snomed_version",  # says nothing without a snomed_code
        "/data/level",  # is that of the score
        "/data/score",  # to one decimal
        "/data/team",  # is that of the subject
        "/data/wte",  # to two decimals
    }
)
"""Fields that `invalid_data` may name although the schema lets the event through."""


SENDING = ("/events", "/events/check")
BINARY = "application/json"


ASKING = {
    "/events/{source}/{id}": {404},  # nobody has sent it
    "/rejections": {400},  # a place behind which to begin is what a page before has said
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out what no schema can put together, and kinds that are not to be tried; let those that are be accepted.

    Headers that must say what the body says, or be what it was compressed with, are tried in test_ingest_binary and
    test_ingest_gzip. A source of no register, and a time to come, would be refused whatever else is right or wrong with
    an event.
    """
    for path in SENDING:
        operation = raw_schema["paths"][path]["post"]
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] == "Prefer"]
        del operation["requestBody"]["content"][BINARY]
    if not KINDS:
        return
    for path in SENDING:
        _leave_out_kinds(raw_schema["paths"][path]["post"]["requestBody"]["content"])
    _let_be_accepted(raw_schema["components"]["schemas"])


def _leave_out_kinds(contents: dict[str, Any]) -> None:
    wanted = {f"#/components/schemas/{name}" for name in KINDS}
    for content in contents.values():
        schema = content["schema"].get("items", content["schema"])
        schema["oneOf"] = [kind for kind in schema["oneOf"] if kind["$ref"] in wanted]
        mapping = schema.get("discriminator", {}).get("mapping", {})
        for event_type in [known for known, kind in mapping.items() if kind not in wanted]:
            del mapping[event_type]
        assert len(schema["oneOf"]) == len(KINDS), f"not all of {KINDS} are kinds of event"


def _let_be_accepted(schemas: dict[str, Any]) -> None:
    for name in KINDS:
        properties = schemas[name]["properties"]
        for field in ("source", "time"):
            properties[field]["enum"] = [VALID[name][field]]
        properties["recordedtime"]["anyOf"][0]["enum"] = [VALID[name]["time"]]
        if "anyOf" in properties["subject"]:
            del properties["subject"]["anyOf"][0]  # one NHS number in eleven has the right check digit
        given = properties["data"]["properties"].get("ref_source")
        if given is not None:
            given["anyOf"][0]["enum"] = [VALID[name]["source"]]


@schemathesis.check
def only_what_no_schema_can_say_is_refused(
    ctx: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case,
) -> None:
    """An event that fits the document is accepted, or refused by a rule that the document could not state."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code >= 500:
        return
    if case.path == "/fhir":
        _told_in_fhirs_terms(response)
        return
    if case.path == "/pseudonyms" and response.status_code == 422:
        assert response.json()["reason"] == "no_nhs_number"  # the check digit
        return
    if case.path not in SENDING:
        known = {200} | ASKING.get(case.path, set())
        assert response.status_code in known, f"{response.status_code} to what fits the document"
        return
    for problem in _problems(response.json() if response.content else []):
        beyond = problem["reason"] in BEYOND_A_SCHEMA or (
            problem["reason"] == "invalid_data" and all(map(_is_beyond_a_schema, problem["errors"]))
        )
        assert beyond, f"refused, although it fits the document: {problem}"


def _told_in_fhirs_terms(response: schemathesis.Response) -> None:
    """Of FHIR the document names the types alone, so nearly everything that fits it is refused: with an outcome."""
    document = response.json()
    assert document["resourceType"] in {"OperationOutcome", "Bundle"}, "no answer in FHIR's terms"


def _is_beyond_a_schema(error: dict[str, Any]) -> bool:
    """Tell the rules between fields; and to JSON Schema, 2.0 is a whole number."""
    return error["pointer"] in BETWEEN_FIELDS or error["message"] == "Not a whole number."


def _problems(answer: Any) -> Iterator[dict[str, Any]]:
    verdicts = answer if isinstance(answer, list) else [{"problem": answer} if "reason" in answer else {}]
    return (verdict["problem"] for verdict in verdicts if "problem" in verdict)
