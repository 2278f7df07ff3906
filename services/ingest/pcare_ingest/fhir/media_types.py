"""Which content types POST /fhir takes, and what a sender would rather not hear."""

from typing import Final

TAKEN: Final = ("application/fhir+json", "application/json")
FHIR_VERSION: Final = "4.0"
_ALLOWED: Final = {"charset": frozenset({"utf-8", "utf8", "us-ascii"}), "fhirversion": frozenset({FHIR_VERSION})}


def is_json(content_type: str | None) -> bool:
    """Say whether a Content-Type header names FHIR R4 in JSON. Parameters other than charset and fhirVersion pass."""
    media_type, *parameters = (content_type or "").split(";")
    return media_type.strip().lower() in TAKEN and all(map(_is_allowed, parameters))


def wants_minimal(prefer: str | None) -> bool:
    """Say whether a Prefer header asks for no OperationOutcome with what went well: `return=minimal`."""
    return any(part.strip().lower().replace('"', "") == "return=minimal" for part in (prefer or "").split(","))


def _is_allowed(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    allowed = _ALLOWED.get(name.strip().lower())
    return allowed is None or value.strip().strip('"').lower() in allowed
