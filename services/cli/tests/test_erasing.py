"""Whether bytes name a person, and where a partition may be cut."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.erasing.erasure import Done
from pcare_cli.erasing.hand_over import FURTHER, Cut, HandOver, Held
from pcare_cli.erasing.names import Names
from pcare_cli.erasing.words import done
from pcare_recorder.cursors import Partition
from pcare_schemas.origin import Origin

DIGITS = "0123456789abcdef" * 2
NAME, OTHER = f"person:k1:{DIGITS}", f"person:k1:{'f' * 32}"
WHERE = Partition("interventions.submitted", 0)


@pytest.mark.parametrize(
    "data",
    [
        NAME.encode(),
        f'{{"subject": "{NAME}"}}'.encode(),
        f'{{"subject": "{NAME.upper()}"}}'.encode(),
        f'{{"subjectprev": "person:k2:{DIGITS}"}}'.encode(),
        f"urn:person%3Ak1%3A{DIGITS}".encode(),
        f'{{"subject": "person:k1:\\u0030{DIGITS[1:]}"}}'.encode(),
        f'{{"subject": "person:k1:{DIGITS[:10]}\\u0061{DIGITS[11:]}"}}'.encode(),
        b"\xff\x00" + NAME.encode(),
    ],
)
def test_a_name_is_found_however_it_is_written(data: bytes) -> None:
    assert Names([NAME]).are_in(data)
    assert Names([OTHER, NAME]).are_in(None, b"nothing", data)
    assert not Names([OTHER]).are_in(data)


@pytest.mark.parametrize("data", [None, b"", b"person:k1:", DIGITS[:31].encode(), OTHER.encode(), b"\\u00zz"])
def test_nothing_else_is(data: bytes | None) -> None:
    assert not Names([NAME]).are_in(data)
    assert not Names([]).are_in(NAME.encode())


def held(*named: bool, offsets: list[int] | None = None) -> Held:
    one = Held()
    for offset, is_named in zip(offsets or range(len(named)), named, strict=True):
        one.take(offset, named=is_named)
    return one


def test_a_cut_is_just_after_the_last_record_of_the_person_and_counts_those_of_others() -> None:
    assert held(False, True, False, False, True, False).cut(6, lambda _: 0) == Cut(5, own=2, others=3)
    assert held(False, True, False, False, True, False).cut(6, lambda most: most) == Cut(6, own=2, others=4)
    # offsets of control records are nobody's
    assert held(True, False, False, offsets=[3, 5, 8]).cut(9, lambda _: 0) == Cut(4, own=1, others=0)
    assert held(True, False, False, offsets=[3, 5, 8]).cut(9, lambda _: 1) == Cut(6, own=1, others=1)


def test_nothing_is_cut_that_is_not_judged_nor_many_more_than_needed() -> None:
    many = held(True, *[False] * 1_000)
    assert many.cut(1_001, lambda most: most) == Cut(1 + FURTHER, own=1, others=FURTHER)
    assert many.cut(3, lambda most: most) == Cut(3, own=1, others=2)
    assert many.cut(1, lambda most: most) == Cut(1, own=1, others=0)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_all_of_the_person_goes_and_nothing_beyond_what_is_judged(named: list[bool], extra: int, wish: int) -> None:
    one = held(*named)
    if not one.own:
        assert one.last == -1
        return
    below = min(len(named), one.last + 1 + extra)
    cut = one.cut(below, lambda most: min(wish, most))
    assert not any(named[cut.begin :])
    assert one.last < cut.begin <= below
    assert (cut.own, cut.own + cut.others) == (sum(named), cut.begin)


def record(offset: int, *, key: bytes = b"-", value: bytes | None = b"{}", headers: Any = ()) -> Any:
    return SimpleNamespace(topic=WHERE.topic, partition=0, offset=offset, key=key, value=value, headers=headers)


def test_key_value_and_headers_are_looked_at_and_what_is_not_judged_is_told() -> None:
    found = HandOver(Names([NAME]))
    found.take([record(0), record(1, key=NAME.encode()), record(2, value=None), record(3, value=NAME.encode())])
    found.take([record(4, headers=[("ce_subject", NAME.encode()), ("empty", None)]), record(5)])
    assert found.own == 3
    assert found.origins == {Origin(WHERE.topic, 0, offset) for offset in (1, 3, 4)}
    assert found.not_judged({WHERE: 5}) == 0
    assert found.not_judged({WHERE: 4}) == found.not_judged({}) == 1


def test_what_is_said_and_kept_of_an_erasure_is_how_many() -> None:
    what = Done(links=3, rejections=2, own=9, others=1_234, partitions=2, act=17)
    (erased, act) = done(what)
    assert "3 links, 2 rejections redacted, 9 submitted events" in erased
    assert "1,234 records of others" in erased
    assert act.startswith("Act 17 ")
    assert all(isinstance(value, int) for value in what.details(left_to_retention=False).values())
