"""Whose a rejection is in the metrics."""

from prometheus_client import CollectorRegistry
from recorder_events import RECEIVED, RULES, checked, event, submitted

from pcare_common.clock import FixedClock
from pcare_recorder.instruments import Instruments
from pcare_recorder.verdicts import Recorded, judge
from pcare_schemas.examples import ROYAL_FREE, WHITTINGTON
from pcare_schemas.topics import provider_topic


def test_a_rejection_is_the_topics_owners_else_whose_source_it_claims() -> None:
    registry = CollectorRegistry()
    instruments = Instruments(registry, RULES, FixedClock(RECEIVED), age=lambda: 0.0)
    own, stray = provider_topic("RKE"), provider_topic("zzz99")
    batch = checked(
        submitted(b"broken", 0, topic=own),
        submitted(event(source=ROYAL_FREE), 1, topic=own),
        submitted(b"broken", 2, topic=stray),
        submitted(event(source=WHITTINGTON, score=200.0), 3),
        submitted(event(source="urn:ncl:provider:nobody"), 4),
    )
    instruments.judged(judge(batch, Recorded(), lambda: "person:-"))

    def value(provider: str, reason: str) -> float | None:
        return registry.get_sample_value("pcare_recorder_rejected_total", {"provider": provider, "reason": reason})

    assert value("RKE", "not_json") == 1
    assert value("RKE", "source_not_allowed") == 1
    assert value("unknown", "not_json") == 1
    assert value("RKE", "invalid_data") == 1
    assert value("unknown", "unknown_provider") == 1
    assert value("RAL", "source_not_allowed") is None
