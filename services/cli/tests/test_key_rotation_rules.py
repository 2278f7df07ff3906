"""Which key is changed for which, and what a merge has to do: the rules, without a database."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.key_rotation import State, next_key, present_key
from pcare_cli.merging import Plan, can_be_told, plan
from pcare_common.errors import OperatorError


def state(anchor: str | None = None, following: str | None = None, persons: int = 0, **known: int) -> State:
    return State(anchor, following, known, persons)


def test_the_key_that_everybody_is_known_by_is_the_present_one() -> None:
    assert present_key(state(persons=5, k1=5)) == "k1"
    assert present_key(state(persons=5, k1=5, k2=3)) == "k1"
    assert present_key(state(persons=5, k1=5, k10=5, k9=5)) == "k10"
    assert present_key(state("k2", None, persons=5, k1=5, k2=5)) == "k2"


def test_without_such_a_key_nothing_is_changed() -> None:
    with pytest.raises(OperatorError, match=r"3 under k1, 2 under k2"):
        present_key(state(persons=5, k1=3, k2=2))
    with pytest.raises(OperatorError, match="Nobody is recorded yet"):
        next_key(state())


def test_a_new_key_has_an_id_that_nobody_was_known_by_and_a_junk_one_uses_none_up() -> None:
    assert next_key(state(persons=5, k1=5)) == "k2"
    assert next_key(state("k2", persons=5, k2=5, k9=1)) == "k3"
    assert next_key(state("k2", persons=5, k2=5, k3=1, k4=1, k999=1)) == "k5"
    assert next_key(state("k3", persons=5, k1=5)) == "k4"
    with pytest.raises(OperatorError, match="No id of a key is left"):
        next_key(state("k998", persons=5, k998=5, k999=1))


def test_a_made_up_pseudonym_stops_the_change_until_it_is_left_alone() -> None:
    few = state(persons=1_000, k1=998, k9=1, k999=1)
    with pytest.raises(OperatorError, match=r"2 as they are and go on: --leave-strangers"):
        present_key(few)
    assert present_key(few, leave_strangers=True) == "k1"
    assert next_key(few, leave_strangers=True) == "k2"
    with pytest.raises(OperatorError, match="changed before without this command"):
        present_key(state(persons=1_000, k1=980, k2=20), leave_strangers=True)


def test_a_merge_of_two_who_are_known_keeps_the_first() -> None:
    assert plan(["a"], ["b"], {"a": "A", "b": "B"}) == Plan("A", ("B",), ())
    assert plan(["a2", "a1"], ["b2", "b1"], {"a1": "A", "b1": "B"}) == Plan("A", ("B",), ("a2", "b2"))


def test_a_number_that_was_never_seen_is_linked_to_the_other() -> None:
    assert plan(["a"], ["b"], {"a": "A"}) == Plan("A", (), ("b",))
    assert plan(["a"], ["b"], {"b": "B"}) == Plan("B", (), ("a",))
    with pytest.raises(ValueError, match="Nobody is known"):
        plan(["a"], ["b"], {})


def test_one_number_twice_mends_a_person_whose_pseudonyms_were_linked_apart() -> None:
    assert plan(["new", "old"], ["new", "old"], {"new": "B", "old": "A"}) == Plan("B", ("A",), ())
    assert plan(["new", "old"], ["new", "old"], {"new": "A", "old": "A"}) is None


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=2),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("ABC"), min_size=1),
)
def test_after_what_is_planned_there_is_one(kept: list[str], gone: list[str], links: dict[str, str]) -> None:
    names = {*kept, *gone}
    if not names & links.keys():
        return
    found = plan(kept, gone, links)
    if found is not None:
        links = {name: found.kept if subject in found.gone else subject for name, subject in links.items()}
        links |= dict.fromkeys(found.unlinked, found.kept)
        assert found.kept not in found.gone
    assert len({links.get(name, uuid4()) for name in names}) == 1


def test_while_the_key_is_changed_each_number_needs_the_pseudonym_by_which_persons_are_told_apart() -> None:
    both, new = ["person:k2:a", "person:k1:a"], ["person:k2:b"]
    assert can_be_told("k1", both, both)
    assert not can_be_told("k1", both, new)
    assert can_be_told("k2", both, new)
    assert can_be_told(None, both, new)
