"""The names of the topics, and whose topic is whose."""

import re
from typing import Final

SUBMITTED: Final = "interventions.submitted"
RECORDED: Final = "interventions.recorded"
SUBJECTS: Final = "interventions.subjects"
REJECTED: Final = "interventions.rejected"
KPI_PARTIALS: Final = "interventions.kpi-partials"
CHECKPOINTS: Final = "interventions.checkpoints"

SUBMITTED_PATTERN: Final = r"^interventions\.submitted(\.[a-z0-9-]+)?$"
"""Matches the shared topic and every provider's own. Anchored, so that no other topic is ever read by accident."""

_SUBMITTED = re.compile(SUBMITTED_PATTERN)
_PROVIDER_CODE = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def provider_topic(code: str) -> str:
    """Name the topic that belongs to one provider alone.

    `code` is an ODS code ("RKE") or a slug of the provider register ("age-well-camden"); case does not matter.
    Raises ValueError for anything else, because a topic name is built from it.
    """
    if not _PROVIDER_CODE.fullmatch(code):
        raise ValueError("a provider code is an ODS code or a slug: letters, digits and single hyphens")
    return f"{SUBMITTED}.{code.lower()}"


def slug_of(source: str) -> str:
    """Return the last part of the name of the topic that belongs to the organisation with this source alone."""
    return re.split("[/:]", source)[-1].lower()


def provider_of_topic(topic: str) -> str | None:
    """Return whose topic this is, as in its name ("rke"), or None for the shared topic.

    Raises ValueError for a topic that carries no submitted events.
    """
    if topic == SUBMITTED:
        return None
    if not _SUBMITTED.fullmatch(topic):
        raise ValueError("not a topic of submitted events")
    return topic[len(SUBMITTED) + 1 :]
