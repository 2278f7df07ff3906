"""GET /fhir/metadata: what this server does, as a CapabilityStatement."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from pcare_ingest.fhir.mapping import Mapping
from pcare_ingest.fhir.outcomes import respond

SINCE: Final = "2026-11-28"
_PROFILES: Final = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"


def document(mapping: Mapping) -> dict[str, Any]:
    """Return the CapabilityStatement."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": SINCE,
        "kind": "instance",
        "implementation": {"description": "Personalised Care Recorder: personalised-care events as FHIR resources"},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": (
                    "Resources are turned into events and not kept: nothing can be read, searched or updated. "
                    "A Bundle of type collection is taken as a batch is."
                ),
                "interaction": [{"code": "transaction"}, {"code": "batch"}],
                "resource": [_resource(mapping, name) for name in mapping.resources],
            }
        ],
    }


def endpoint(mapping: Mapping) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler that answers with it."""
    statement = document(mapping)

    async def show(_request: Request) -> Response:
        return respond(200, statement)

    return show


def _resource(mapping: Mapping, name: str) -> dict[str, Any]:
    kinds = ", ".join(dict.fromkeys(rule.kind for rule in mapping.resources[name].rules))
    return {
        "type": name,
        "supportedProfile": [_PROFILES + name],
        "documentation": f"Recorded as: {kinds}. With status entered-in-error: event-retracted.",
        "interaction": [{"code": "create"}],
        "versioning": "no-version",
        "referencePolicy": ["literal", "logical", "local"],
    }
