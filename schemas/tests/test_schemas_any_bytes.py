"""Whatever comes, there is one verdict, it is never an exception, and it shows no NHS number."""

import copy
import datetime as dt
import json

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from pcare_schemas.check import Record, check
from pcare_schemas.content import content_hash
from pcare_schemas.envelope import Event
from pcare_schemas.examples import RECEIVED, VALID
from pcare_schemas.identifiers import holds_one
from pcare_schemas.kinds import EVENT_ADAPTER, TYPES
from pcare_schemas.recorded import Origin, recorded_text
from pcare_schemas.rejections import Reason, Rejection, problem, rejected_document
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED

RULES = Rules.load()
ORIGIN = Origin(SUBMITTED, 0, 0)
NUMBERS = ("9434765919", "999 000 0018", "987-654-3210")

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(
        [*NUMBERS, "nhs-number:1234567890", "person:k1:" + "0" * 32, "2024-04-01T00:00:00Z", "E09000003"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def mutants(draw):
    """A valid event, changed at one to three places."""
    event = copy.deepcopy(draw(st.sampled_from(list(VALID.values()))))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([event, event["data"]])) if isinstance(event.get("data"), dict) else event
        name = draw(st.sampled_from([*place, "extra"]) | st.text(max_size=12))
        if draw(st.booleans()):
            place[name] = draw(anything)
        else:
            place.pop(name, None)
    return event


def judged(value, key):
    found = check(Record(value, key, SUBMITTED, RECEIVED), RULES)
    assert isinstance(found, Event) != isinstance(found, Rejection)
    if isinstance(found, Rejection):
        assert found.reason in Reason
        assert found.errors
        text = rejected_document(found, origin=ORIGIN, received_at=RECEIVED, rules_version=RULES.version)
        assert len(text) < 2**20
        shown = orjson.dumps([problem(found), found.source, found.id])
        assert not holds_one(shown)
        assert found.evidence is None or not holds_one(found.evidence)
        assert found.evidence is None or found.redacted or found.evidence == value
        assert (found.sha256 is None) or found.evidence is None
        if holds_one(value):
            assert found.reason is Reason.identifiable_data
    else:
        assert not holds_one(value)
        text = recorded_text(
            found, subject="person:x", recorded_at=RECEIVED, origin=ORIGIN, rules_version=RULES.version
        )
        assert not holds_one(text)
        assert len(content_hash(found, "person:x")) == 32
    return found


@given(st.binary(max_size=400), st.none() | st.binary(max_size=40))
def test_any_bytes(value, key):
    judged(value, key)


@given(anything.map(lambda value: json.dumps(value).encode()))
def test_any_json(value):
    assert isinstance(judged(value, None), Rejection)


@settings(max_examples=600)
@given(mutants())
def test_any_event_that_was_valid_but_for_a_little(event):
    subject = event.get("subject")
    key = subject.encode("utf-8", "surrogatepass") if isinstance(subject, str) else b""
    for value in (json.dumps(event).encode(), json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")):
        judged(value, key)


@given(st.sampled_from(list(VALID.values())), st.data())
def test_any_valid_event_cut_or_with_a_byte_changed(event, data):
    value = bytearray(json.dumps(event).encode())
    at = data.draw(st.integers(0, len(value) - 1))
    judged(bytes(value[:at]), event["subject"].encode())
    value[at] = data.draw(st.integers(0, 255))
    judged(bytes(value), event["subject"].encode())


@given(st.sampled_from(list(VALID.values())), st.datetimes(timezones=st.timezones()))
def test_any_time(event, time):
    found = judged(json.dumps({**event, "time": time.isoformat()}).encode(), event["subject"].encode())
    offset = time.utcoffset() or dt.timedelta()
    whole_minutes = offset.total_seconds() % 60 == 0
    if isinstance(found, Rejection) and whole_minutes and 1900 < time.year < 9000:
        assert found.reason in {Reason.time_out_of_range, Reason.unknown_provider, Reason.unknown_code}


def test_a_verdict_is_the_same_each_time():
    for event in VALID.values():
        value, key = json.dumps(event).encode(), event["subject"].encode()
        assert judged(value, key) == judged(value, key)


def test_the_parser_agrees_with_the_model_of_its_type():
    """The union only picks the model; it judges nothing itself."""
    for event in VALID.values():
        value = json.dumps(event).encode()
        assert EVENT_ADAPTER.validate_json(value) == TYPES[event["type"]].model_validate_json(value)
