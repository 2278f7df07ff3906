"""A short form of `make proof-inputs`, and each input that once broke something."""

import base64
from argparse import Namespace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import judging, memory
from fuzz.mutating import Input, change_bytes, make
from fuzz.nhs_numbers import NUMBERS, shown_in, shown_in_document, spelled
from fuzz.over_http import requests
from fuzz.run import through_the_services

BROKEN = sorted((Path(__file__).parent / "fuzz" / "broken").glob("*.bin"))
SEED = 7


def test_inputs_are_the_same_in_every_run() -> None:
    assert [make(SEED, number) for number in range(200)] == [make(SEED, number) for number in range(200)]
    assert make(SEED, 150) != make(SEED + 1, 150)


def test_requests_are_the_same_in_every_run_and_hold_each_input_once() -> None:
    once, again = list(requests(SEED, 500)), list(requests(SEED, 500))
    assert once == again
    assert [one.number for request in once for one in request.inputs] == list(range(500))


def test_some_thousand_inputs_through_the_checks() -> None:
    tally = judging.judge_all(SEED, 4_000)
    assert not tally.failures
    assert sum(tally.outcomes.values()) == 4_000
    reasons = ("not_json", "not_cloudevent", "unknown_type", "invalid_data", "identifiable_data", "key_mismatch")
    assert {"accepted", *(f"rejected: {reason}" for reason in reasons)} <= set(tally.outcomes)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_hypothesis_looks_for_the_input_that_breaks_the_checks(number, rng) -> None:
    one = make(SEED, number)
    judging.judge(Input(SEED, number, change_bytes(one.value or b"", rng), one.key, valid=False))


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_what_once_broke_it_does_no_more(file: Path) -> None:
    for number in range(0, 48, 4):  # in every topic, with every repetition
        judging.judge(Input(0, number, file.read_bytes(), b"a key", valid=False))


@pytest.mark.integration
async def test_some_thousand_inputs_through_the_services(system) -> None:
    arguments = Namespace(seed=SEED, http=2_500, topic=2_500, valid=0.5)
    for way, tally in (await through_the_services(system, arguments)).items():
        assert not tally.failures, way
        assert all(memory.growth(samples) < 64 for samples in tally.memory.values())


@pytest.mark.parametrize("spelling", ["{0}", "x{1} {2}-{3}y", "%39{4}", "&#57;{4}", "&#5\\u0037;{4}", "{5}", "{6}"])
def test_a_number_that_shows_is_found(spelling) -> None:
    number = NUMBERS[7]
    text = spelling.format(
        number, number[:3], number[3:6], number[6:], number[1:], "\u200b".join(number), " ".join(number)
    )
    assert shown_in(text) == number
    evidence = base64.b64encode(text.encode()).decode()
    assert shown_in(f'{{"evidence": "{evidence}"}}') is None
    assert shown_in_document(f'{{"evidence": "{evidence}"}}') == number


def test_what_is_no_number_is_not_found() -> None:
    number = NUMBERS[7]
    assert not any(map(shown_in, (f"1{number}", f"{number[:9]}x{number[9]}", f"aa{number}aa", number[:9])))


def test_every_spelling_shows() -> None:
    rng = Random(1)
    assert all(shown_in(spelled(rng, NUMBERS[index % len(NUMBERS)])) for index in range(500))


def test_memory_that_grows_is_noticed() -> None:
    assert memory.is_steady([100, 140, 150, 151, 150, 151, 150, 151])
    assert not memory.is_steady([100 + 5 * step for step in range(40)])
    assert memory.growth([1.0]) == 0
