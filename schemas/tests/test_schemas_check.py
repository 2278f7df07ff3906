"""The one verdict: the examples, the order of the reasons, what is kept."""

import datetime as dt
import hashlib
import json

import pytest

from pcare_schemas.check import refuse
from pcare_schemas.envelope import Event
from pcare_schemas.examples import RECEIVED, VALID, as_record
from pcare_schemas.invalid_examples import INVALID
from pcare_schemas.kinds import KINDS
from pcare_schemas.rejections import MAX_EVENT_BYTES, MAX_EVIDENCE_BYTES, FieldError, Reason, Rejection


def verdict(found):
    assert isinstance(found, Rejection), found
    return found.reason, found.errors[0].path


@pytest.mark.parametrize("kind", KINDS)
def test_each_valid_example_is_taken(kind, judge):
    assert judge(VALID[kind]).kind == kind


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.name)
def test_each_invalid_example_is_refused_for_its_reason_at_its_place(wrong, judge):
    refused = judge(wrong.value, key=wrong.subject.encode())
    assert verdict(refused) == (wrong.reason, wrong.path)
    assert refused.size == len(wrong.value)
    assert refused.redacted == (wrong.reason is Reason.identifiable_data)
    if wrong.reason not in {Reason.not_json, Reason.not_cloudevent, Reason.identifiable_data}:
        assert (refused.source, refused.id) == (json.loads(wrong.value)["source"], json.loads(wrong.value)["id"])


def test_there_are_three_invalid_examples_of_each_kind_at_least():
    kinds = [wrong.kind for wrong in INVALID]
    assert all(kinds.count(kind) >= 3 for kind in KINDS)
    assert len({wrong.name for wrong in INVALID}) == len(INVALID)


def test_an_event_of_up_to_256_kib_is_read(changed, judge):
    value = json.dumps(changed("pam-scored")).encode()
    key = VALID["pam-scored"]["subject"].encode()
    assert isinstance(judge(value.ljust(MAX_EVENT_BYTES), key=key), Event)
    refused = judge(value.ljust(MAX_EVENT_BYTES + 1), key=key)
    assert verdict(refused) == (Reason.too_large, "")
    assert refused.sha256 == hashlib.sha256(value.ljust(MAX_EVENT_BYTES + 1)).hexdigest()
    assert (refused.evidence, refused.source, refused.size) == (None, None, MAX_EVENT_BYTES + 1)


def test_size_is_judged_before_anything_is_read(judge):
    assert judge(b"{" * (MAX_EVENT_BYTES + 1)).reason is Reason.too_large


def test_evidence_is_kept_up_to_64_kib_and_above_by_its_hash(judge):
    for size, kept in ((MAX_EVIDENCE_BYTES, True), (MAX_EVIDENCE_BYTES + 1, False)):
        value = b"x" * size
        refused = judge(value)
        assert refused.evidence == (value if kept else None)
        assert refused.sha256 == (None if kept else hashlib.sha256(value).hexdigest())
        assert not refused.redacted


def test_the_reasons_come_in_their_order(changed, judge, rules):
    """Each fault is mended in turn; the next shows."""
    rke = rules.register.by_code["RKE"]
    row = {"source": rke.source, "name": rke.name, "kind": rke.kind, "kinds": ["sp-referral"]}
    unlimited = dict.fromkeys(("valid_from", "valid_to", "successor"))
    limited = rules.with_register(rules.register.with_rows([row | unlimited]))
    event = changed(
        "pam-scored", {"level": 4, "borough": "E09000001"}, time="2034-01-01T00:00:00Z", type="x", specversion="0"
    )
    seen = [judge(event, topic="interventions.submitted.ral", key=b"x").reason]
    mended = VALID["pam-scored"]
    for name in ("specversion", "type"):
        event[name] = mended[name]
        seen.append(judge(event, topic="interventions.submitted.ral", key=b"x").reason)
    event["data"]["level"] = mended["data"]["level"]
    seen.append(judge({**event, "source": "urn:x"}, topic="interventions.submitted.ral", key=b"x").reason)
    event["time"] = mended["time"]
    seen.append(judge({**event, "source": "urn:x"}, topic="interventions.submitted.ral", key=b"x").reason)
    seen.append(judge(event, by=limited, topic="interventions.submitted.ral", key=b"x").reason)
    seen.append(judge(event, by=limited, key=b"x").reason)
    seen.append(judge(event, key=b"x").reason)
    seen.append(judge(event).reason)
    assert seen == [
        Reason.not_cloudevent,
        Reason.unknown_type,
        Reason.invalid_data,
        Reason.time_out_of_range,
        Reason.unknown_provider,
        Reason.source_not_allowed,
        Reason.kind_not_allowed,
        Reason.key_mismatch,
        Reason.unknown_code,
    ]


def test_a_verdict_that_needs_what_is_recorded_has_the_same_form(changed, judge):
    event = judge(changed("pam-scored"))
    record = as_record(json.dumps(changed("pam-scored")).encode(), event.subject)
    refused = refuse(record, event, Reason.id_reused, FieldError("/id", "Another event has it.", "a new id"))
    assert (refused.reason, refused.source, refused.id) == (Reason.id_reused, event.source, event.id)
    assert refused.evidence == record.value


@pytest.mark.parametrize(
    ("written", "doubled", "path"),
    [
        ('"score": 52.9', '"score": 12.0, "score": 52.9', "/data/score"),
        ('"score": 52.9', '"score": 52.9,"score"\n\t: 52.9', "/data/score"),
        ('"score"', '"score" :12.0, "score"', "/data/score"),
        ('"id"', '"id":"x","id"', "/id"),
        ('"data"', '"data":{"reason":1},"data"', "/data"),
    ],
)
def test_a_name_given_twice_is_refused(written, doubled, path, changed, judge):
    value = json.dumps(changed("pam-scored"))
    assert written in value
    refused = judge(value.replace(written, doubled).encode(), key=VALID["pam-scored"]["subject"].encode())
    assert verdict(refused) == (Reason.invalid_data, path)


@pytest.mark.parametrize("colon", [": ", ":", " : ", "\n:\t", "\r\n:"])
def test_white_space_around_names_repeats_nothing(colon, changed, judge):
    value = json.dumps(changed("pam-scored"), separators=(",", colon)).encode()
    assert isinstance(judge(value, key=VALID["pam-scored"]["subject"].encode()), Event)


def test_the_examples_were_received_after_they_happened():
    assert all(dt.datetime.fromisoformat(event["time"]) < RECEIVED for event in VALID.values())
