"""The inputs through the checks, as ingest and as recorder call them: each has one verdict, which shows no number."""

import datetime as dt
import json
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from random import Random

from fuzz import memory
from fuzz.mutating import Input, make
from fuzz.nhs_numbers import shown_in, shown_in_document
from fuzz.tally import Tally
from pcare_ingest.callers import ANYONE
from pcare_ingest.judging import Judge, Ready
from pcare_schemas.check import Record, check
from pcare_schemas.content import content_hash
from pcare_schemas.envelope import Event
from pcare_schemas.examples import RECEIVED
from pcare_schemas.origin import Origin
from pcare_schemas.pseudonym import Keys, PseudonymKey
from pcare_schemas.recorded import recorded_text
from pcare_schemas.rejections import Reason, Rejection, rejected_document
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED, provider_topic

TOPICS = (SUBMITTED, SUBMITTED, provider_topic("RKE"))
ORIGIN = Origin(SUBMITTED, 3, 41)
SAMPLE_EVERY = 2_000
SHARE = 10_000
"""Inputs that a process is given at a time."""


@cache
def _rules() -> Rules:
    return Rules.load()


@cache
def _judge() -> Judge:
    return Judge(_rules, Keys(PseudonymKey("k1", b"0123456789abcdef" * 2)))


def judge_all(seed: int, count: int, *, workers: int = 1) -> Tally:
    """Judge inputs 0 to `count` of a seed."""
    shares = [(seed, first, min(first + SHARE, count)) for first in range(0, count, SHARE)]
    tally = Tally()
    if workers == 1:
        for share in shares:
            tally.add(judge_share(*share))
        return tally
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, part in enumerate(pool.map(judge_share, *zip(*shares, strict=True)), 1):
            tally.add(part)
            if done % 5 == 0:
                print(f"checks: {done * SHARE:,} of {count:,} inputs", *part.failures[:1], flush=True)
    return tally


def judge_share(seed: int, first: int, until: int) -> Tally:
    """Judge some inputs; sample what this process holds."""
    tally = Tally()
    samples = []
    for number in range(first, until):
        one = make(seed, number)
        try:
            tally.outcomes[judge(one)] += 1
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            tally.fail(one, traceback.format_exc(limit=-3))
        if number % SAMPLE_EVERY == SAMPLE_EVERY - 1:
            samples.append(memory.held())
    tally.memory[f"checks {seed}/{first}"] = samples
    return tally


def judge(one: Input) -> str:
    """Reach both verdicts on an input and return the recorder's outcome. Raises AssertionError for what must not be."""
    topic = TOPICS[one.number % len(TOPICS)]
    record = Record(one.value, one.key, topic, RECEIVED)
    found = check(record, _rules())
    if one.number % 16 == 0:
        assert check(record, _rules()) == found, "another verdict the second time"
    if one.valid and topic == SUBMITTED:
        assert isinstance(found, Event), f"a valid event was refused: {found}"
    if one.value is not None and one.number % 4 == 0:
        _as_ingest_does(one.value, one.number)
    if isinstance(found, Rejection):
        _look_at(found, one.value)
        return f"rejected: {found.reason}"
    text = recorded_text(found, subject="person:x", recorded_at=RECEIVED, origin=ORIGIN, rules_version="v")
    assert shown_in(text.decode()) is None, "a recorded event shows a number"
    assert len(content_hash(found, "person:x")) == 32
    json.loads(text)
    return "accepted"


def _as_ingest_does(value: bytes, number: int) -> None:
    found = _judge().judge(value, ANYONE, RECEIVED + dt.timedelta(microseconds=number % 1_000))
    if isinstance(found, Ready):
        assert shown_in(found.record.value.decode()) is None, "a published event shows a number"
        assert shown_in(f"{found.source} {found.id}") is None, "an answer shows a number"
        again = check(Record(found.record.value, found.record.key, SUBMITTED, RECEIVED + dt.timedelta(1)), _rules())
        assert isinstance(again, Event), "ingest takes what the recorder refuses"
    else:
        _look_at(found, found.evidence)  # the pseudonym took the place of the subject's number


def _look_at(found: Rejection, value: bytes | None) -> None:
    assert isinstance(found.reason, Reason)
    assert found.errors, "a rejection without an error"
    document = rejected_document(found, origin=ORIGIN, received_at=RECEIVED, rules_version="v").decode()
    number = shown_in_document(document)
    assert number is None, f"a rejection shows {number}"
    assert found.evidence is None or found.redacted or found.evidence == value, "evidence that was not sent"
    assert len(document) < 400_000, "a rejection that is too large for its topic"


def some(seed: int, count: int) -> list[Input]:
    """Return inputs of a seed, here and there."""
    return [make(seed, number) for number in Random(seed).sample(range(10 * count), count)]
