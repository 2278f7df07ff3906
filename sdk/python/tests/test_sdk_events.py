"""Events from keyword arguments: each is what the contract's own example is, and shows nobody."""

import datetime as dt
import inspect
from pathlib import Path

import pytest
from sdk_support import NHS_NUMBER, RKE, an_event

from pcare_client import Event, Events, Verdict
from pcare_client.batches import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, async_batches, batches
from pcare_client.event import MAX_EVENT_BYTES, source_of
from pcare_client.exchange import Request
from pcare_ingest import limits
from pcare_schemas.check import Record, check
from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

RULES = Rules.load()


@pytest.mark.parametrize("kind", VALID)
def test_every_kind_is_built_as_its_example_and_is_accepted(kind):
    example = VALID[kind]
    envelope = {name: example[name] for name in ("id", "subject", "time")}
    if "recordedtime" in example:
        envelope["recordedtime"] = example["recordedtime"]
    event = getattr(Events(example["source"]), kind.replace("-", "_"))(**envelope, **example["data"])
    assert event.document() == {name: value for name, value in example.items() if name != "traceparent"}
    verdict = check(Record(event.body, example["subject"].encode(), SUBMITTED, RECEIVED), RULES)
    assert not isinstance(verdict, Rejection)


def test_there_is_a_method_for_each_kind_and_no_other():
    methods = {name for name, _ in inspect.getmembers(Events, inspect.isfunction) if not name.startswith("_")}
    assert methods == {kind.replace("-", "_") for kind in VALID}


def test_the_limits_are_those_of_ingest():
    assert MAX_BATCH_EVENTS == limits.MAX_BATCH_EVENTS
    assert MAX_BATCH_BYTES == limits.MAX_BATCH_BYTES
    assert MAX_EVENT_BYTES == limits.MAX_EVENT_BYTES


def test_an_id_is_made_once_and_is_another_for_each_event():
    first, second = an_event(), an_event()
    assert first.id != second.id
    assert first.document()["id"] == first.id


def test_nothing_shows_whom_an_event_is_about():
    event = an_event()
    shown = repr(event) + str(Verdict(event)) + repr(Request("POST", "/events", {"a": "secret"}, event.body))
    assert NHS_NUMBER not in shown
    assert "E09000019" not in shown
    assert "secret" not in shown


def test_somebody_and_only_one_way_of_saying_who():
    for who in ({}, {"nhs_number": NHS_NUMBER, "subject": "person:k1:" + "0" * 32}):
        with pytest.raises(ValueError, match="whom") as caught:
            RKE.sp_declined(time="2024-06-21T11:00:00Z", borough="E09000019", **who)
        assert NHS_NUMBER not in str(caught.value)


def test_days_and_instants_may_be_python_s():
    london = dt.timezone(dt.timedelta(hours=1))
    event = RKE.care_plan_reviewed(
        nhs_number=NHS_NUMBER,
        time=dt.datetime(2024, 6, 21, 11, tzinfo=london),
        borough="E09000019",
        plan_ref="P",
        next_review_due=dt.date(2025, 6, 21),
    )
    assert event.document()["time"] == "2024-06-21T11:00:00+01:00"
    assert event.document()["data"]["next_review_due"] == "2025-06-21"
    with pytest.raises(ValueError, match="offset"):
        RKE.sp_declined(nhs_number=NHS_NUMBER, time=dt.datetime(2024, 6, 21), borough="E09000019")  # noqa: DTZ001


def test_an_organisation_is_named_as_the_register_does():
    assert source_of("RKE") == "https://fhir.nhs.uk/Id/ods-organization-code/RKE"
    assert source_of("G6V2S") == "https://fhir.nhs.uk/Id/ods-organization-code/G6V2S"
    assert source_of("age-well") == "urn:ncl:provider:age-well"
    assert source_of("urn:ncl:provider:age-well") == "urn:ncl:provider:age-well"


@pytest.mark.parametrize(("count", "most"), [(0, 3), (1, 3), (3, 3), (7, 3)])
async def test_batches_hold_everything_once_and_in_order(count, most):
    events = [an_event(str(number)) for number in range(count)]

    async def coming():
        for event in events:
            yield event

    for made in (list(batches(events, most)), [some async for some in async_batches(coming(), most)]):
        assert [event for some in made for event in some] == events
        assert all(0 < len(some) <= most for some in made)


def test_a_batch_has_no_more_bytes_than_are_taken():
    events = [Event({"id": str(number), "data": "x" * 200_000}) for number in range(100)]
    made = list(batches(events, 1_000))
    assert sum(len(some) for some in made) == 100
    assert all(len(b"[" + b",".join(event.body for event in some) + b"]") <= MAX_BATCH_BYTES for some in made)
    assert len(made) == 3


def test_the_package_says_that_it_has_types():
    import pcare_client

    assert (Path(pcare_client.__file__).parent / "py.typed").exists()
