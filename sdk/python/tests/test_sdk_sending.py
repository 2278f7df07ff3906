"""What a client decides, without a network and without time passing."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdk_support import NHS_NUMBER, accepted, an_event, carry_out, context, reply

from pcare_client import NotUnderstoodError, Pseudonym, RefusedError, Retry, UnavailableError, Verdict
from pcare_client.exchange import Lost, Reply
from pcare_client.operations import CHECK, SEND, deliver, pseudonyms, receipt
from pcare_client.retrying import LONGEST_RETRY_AFTER

UNKNOWN_CODE = {
    "reason": "unknown_code",
    "title": "A code that was not valid",
    "status": 422,
    "detail": "Use another.",
    "errors": [{"pointer": "/data/borough", "message": "Not a code.", "expected": "E09000019"}],
}


def sending(events, **policy):
    return deliver(events, context(Retry(**policy)), path=SEND, compress=False)


@pytest.mark.parametrize(
    "trouble", [Lost("ReadTimeout"), *(reply(status) for status in (408, 429, 500, 502, 503, 504))]
)
def test_what_may_have_arrived_goes_again_as_the_same_bytes(trouble):
    event = an_event()
    verdicts, requests, waits = carry_out(sending([event]), [trouble, trouble, accepted(event)])
    assert verdicts == [Verdict(event)]
    assert len({request.content for request in requests}) == 1
    assert len(requests) == 3
    assert waits == [0.25 * 0.75, 0.5 * 0.75]


def test_retry_after_goes_before_the_own_waits_and_is_bounded():
    event = an_event()
    outcomes = [reply(429, retry_after="7"), reply(503, retry_after="86400"), accepted(event)]
    _, _, waits = carry_out(sending([event]), outcomes)
    assert waits == [7.125, LONGEST_RETRY_AFTER + 0.125]


def test_a_service_that_always_says_soon_is_asked_ever_more_seldom():
    event = an_event()
    outcomes = [*(reply(503, retry_after="1") for _ in range(6)), accepted(event)]
    _, _, waits = carry_out(sending([event]), outcomes)
    assert waits == [1.125, 1.125, 1.125, 1.5, 3.0, 6.0]


def test_a_date_in_retry_after_is_no_reason_to_give_up():
    event = an_event()
    outcomes = [reply(503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), accepted(event)]
    assert carry_out(sending([event]), outcomes)[0] == [Verdict(event)]


def test_it_is_not_tried_for_ever_and_says_what_is_not_known():
    event = an_event()
    error, requests, waits = carry_out(sending([event], attempts=3), [Lost("ConnectError")] * 3)
    assert isinstance(error, UnavailableError)
    assert error.events == (event,)
    assert (len(requests), len(waits)) == (3, 2)


def test_of_a_batch_only_what_is_not_known_goes_again():
    first, second, third = (an_event(name) for name in ("a", "b", "c"))
    mixed = reply(
        503,
        [
            {"status": "accepted", "receipt": "/events/x/a"},
            {"status": "unavailable", "problem": {"reason": "unavailable"}},
            {"status": "rejected", "problem": UNKNOWN_CODE},
        ],
    )
    verdicts, requests, _ = carry_out(sending([first, second, third]), [mixed, accepted(second)])
    assert [sent["id"] for sent in json.loads(requests[1].content)] == ["b"]
    assert [verdict.accepted for verdict in verdicts] == [True, True, False]
    assert verdicts[0].receipt == "/events/x/a"
    assert verdicts[2].problem.errors[0].pointer == "/data/borough"
    assert [verdict.event.id for verdict in verdicts] == ["a", "b", "c"]


def test_what_is_known_when_it_gives_up_is_not_lost():
    first, second = an_event("a"), an_event("b")
    mixed = reply(503, [{"status": "accepted"}, {"status": "unavailable"}])
    error, _, _ = carry_out(sending([first, second], attempts=1), [mixed])
    assert (error.verdicts, error.events) == ((Verdict(first),), (second,))


def test_a_refused_request_is_not_repeated():
    error, requests, _ = carry_out(sending([an_event()]), [reply(401, {"reason": "unauthenticated", "title": "Who?"})])
    assert isinstance(error, RefusedError)
    assert error.problem.reason == "unauthenticated"
    assert len(requests) == 1


@pytest.mark.parametrize("answer", [Reply(404, {}, b"<html>"), Reply(403, {}, b"no")])
def test_the_answer_of_something_else_is_said_to_be_one(answer):
    error, _, _ = carry_out(sending([an_event()]), [answer])
    assert isinstance(error, RefusedError)
    assert error.problem.reason == "not_understood"


@pytest.mark.parametrize("items", [[], [{"status": "accepted"}] * 2, [7], [{"id": "a"}], [{"status": "rejected"}]])
def test_an_answer_that_leaves_a_verdict_open_is_never_taken_for_one(items):
    error, _, _ = carry_out(sending([an_event()]), [reply(202, items)])
    assert isinstance(error, NotUnderstoodError)


def test_an_event_that_is_too_large_is_refused_here_and_stops_no_other():
    large, small = an_event("x" * 300_000), an_event("small")
    verdicts, requests, _ = carry_out(sending([large, small]), [accepted(small)])
    assert [verdict.accepted for verdict in verdicts] == [False, True]
    assert verdicts[0].problem.reason == "too_large"
    assert b"xxxx" not in requests[0].content


def test_gzip_is_the_same_for_the_same_events():
    event = an_event()
    flows = [deliver([event], context(), path=CHECK, compress=True) for _ in range(2)]
    requests = [carry_out(flow, [accepted(event)])[1][0] for flow in flows]
    assert requests[0].content == requests[1].content
    assert requests[0].path == "/events/check"
    assert requests[0].headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(requests[0].content) == b"[" + event.body + b"]"


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.01, 10), st.floats(0.01, 100))
def test_a_wait_is_never_nothing_and_never_longer_than_said(failed, chance, first, longest):
    seconds = Retry(first=first, longest=longest).seconds(failed, None, chance)
    assert 0 < seconds <= longest
    assert seconds >= min(first, longest) / 2


def test_a_receipt_is_asked_for_by_its_address_or_by_source_and_id():
    found = reply(200, {"status": "recorded", "source": "s", "id": "a", "detail": "It counts."})
    known, requests, _ = carry_out(receipt("urn:x:y", "a:1", None, context()), [reply(503), found])
    assert (known.status, known.settled, known.problem) == ("recorded", True, None)
    assert requests[0].path == "/events/urn%3Ax%3Ay/a:1"
    _, requests, _ = carry_out(receipt("urn:x:y", "a", "/events/x/a?at=t/0/1", context()), [found])
    assert requests[0].path == "/events/x/a?at=t/0/1"


def test_a_rejected_receipt_says_why_and_an_unknown_one_is_none():
    rejected = reply(200, {"status": "rejected", "source": "s", "id": "a", "problem": UNKNOWN_CODE})
    assert carry_out(receipt("s", "a", None, context()), [rejected])[0].problem.reason == "unknown_code"
    unknown = reply(404, {"reason": "not_found"})
    assert carry_out(receipt("s", "a", None, context()), [unknown])[0] is None
    assert isinstance(carry_out(receipt("s", "a", None, context()), [reply(404)])[0], RefusedError)


def test_pseudonyms_come_in_order_and_one_for_each():
    asked = [NHS_NUMBER, "9990000026"]
    given_back, requests, _ = carry_out(pseudonyms(asked, context()), [reply(200, {"pseudonyms": ["p1", "p2"]})])
    assert given_back == [Pseudonym("p1"), Pseudonym("p2")]
    assert json.loads(requests[0].content) == {"nhs_numbers": asked}
    for wrong in ({"pseudonyms": ["p1"]}, {"pseudonyms": ["p1", "p2"], "previous": ["q1"]}, {}):
        assert isinstance(carry_out(pseudonyms(asked, context()), [reply(200, wrong)])[0], NotUnderstoodError)


def test_while_the_key_is_changed_the_previous_ones_come_too():
    both = reply(200, {"pseudonyms": ["p1"], "previous": ["q1"]})
    assert carry_out(pseudonyms([NHS_NUMBER], context()), [both])[0] == [Pseudonym("p1", "q1")]


def test_many_numbers_are_asked_about_in_parts():
    parts = [reply(200, {"pseudonyms": ["p"] * 1_000}), reply(200, {"pseudonyms": ["q"]})]
    found, requests, _ = carry_out(pseudonyms([NHS_NUMBER] * 1_001, context()), parts)
    assert (len(found), len(requests), found[-1]) == (1_001, 2, Pseudonym("q"))
