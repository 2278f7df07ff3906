"""The chain of acts, computed again: each way to tamper with it is made, found and named."""

import datetime as dt
from dataclasses import replace

import pytest

from pcare_audit.acts_chain import (
    BEFORE_THE_FIRST,
    LISTED,
    Act,
    Entry,
    Head,
    Link,
    act_hash,
    heads_of_note,
    parse_head,
    verify,
)

BEGAN = dt.datetime(2024, 3, 5, 9, tzinfo=dt.UTC)


def act(number: int, what: str = "gap-accepted") -> Act:
    return Act(number, BEGAN + dt.timedelta(hours=number), "ada", "operator", what, "a test: ü", '{"a": 1}')


def chain(acts: list[Act]) -> list[Entry]:
    """Chain these acts, as the database does."""
    entries: list[Entry] = []
    previous = BEFORE_THE_FIRST
    for position, one in enumerate(acts, 1):
        made = act_hash(previous, position, one)
        entries.append((Link(position, one.number, previous, made), one))
        previous = made
    return entries


def link_of(entry: Entry) -> Link:
    assert entry[0] is not None
    return entry[0]


def act_of(entry: Entry) -> Act:
    assert entry[1] is not None
    return entry[1]


NUMBERS = [1, 2, 4, 3, 7, 8]  # some were taken back, and two were committed in another order
ENTRIES = chain([act(number) for number in NUMBERS])
HEAD = Head(6, link_of(ENTRIES[5]).hash, "the checkpoint of noon")


def test_a_hash_is_of_netstrings_in_a_stated_order() -> None:
    one = Act(7, dt.datetime(2024, 3, 5, 10, 0, 0, 5, dt.timezone(dt.timedelta(hours=1))), "ü", "l", "w", "y", "{}")
    # printf '13:pcare.acts.v1,64:00…00,1:2,1:7,27:2024-03-05T09:00:00.000005Z,2:ü,1:l,1:w,1:y,2:{},' | sha256sum
    assert act_hash(bytes(32), 2, one).hex() == "54b538b2f189f63e27cb40c088b5d11a991b96c0d335c1bdb84ecb3fa5a2fd9f"


def test_a_chain_that_nobody_touched_is_whole() -> None:
    verdict = verify(ENTRIES, [HEAD, Head(2, link_of(ENTRIES[1]).hash, "another")])
    assert (verdict.whole, verdict.acts, verdict.heads) == (True, 6, 2)
    assert str(verdict.head) == str(HEAD)
    assert verify([]).whole


@pytest.mark.parametrize(
    "change",
    [
        {"who": "eve"},
        {"why": "another"},
        {"what": "keys-rotated"},
        {"details": '{"a":1}'},
        {"login": "x"},
        {"at": BEGAN},
        {"number": 40},
    ],
)
def test_whatever_is_altered_of_an_act_is_found(change: dict[str, object]) -> None:
    entries = list(ENTRIES)
    entries[2] = (ENTRIES[2][0], replace(act_of(ENTRIES[2]), **change))  # type: ignore[arg-type]
    verdict = verify(entries)
    assert verdict.number == 1
    assert "position 3, was altered" in verdict.findings[0]


def test_an_act_that_is_altered_with_its_link_is_named_by_the_next() -> None:
    altered = replace(act_of(ENTRIES[2]), who="eve")
    link = link_of(ENTRIES[2])
    entries = list(ENTRIES)
    entries[2] = (replace(link, hash=act_hash(link.previous, 3, altered)), altered)
    verdict = verify(entries)
    assert verdict.number == 1
    assert verdict.findings[0].startswith("act 4, at position 3, was altered, added or moved")


def test_a_chain_made_anew_is_found_by_a_head_that_was_kept() -> None:
    acts = [act_of(entry) for entry in ENTRIES]
    entries = chain([*acts[:3], replace(acts[3], who="eve"), *acts[4:]])
    assert verify(entries).whole  # nothing in the database gives it away
    kept = [Head(link_of(ENTRIES[place]).position, link_of(ENTRIES[place]).hash, "a checkpoint") for place in (1, 5)]
    verdict = verify(entries, kept)
    assert verdict.number == 1
    assert "position 6 had another hash" in verdict.findings[0]
    assert "after position 2, up to this one" in verdict.findings[0]


def test_an_act_that_is_removed_is_named_by_its_link() -> None:
    verdict = verify([(link, None if link and link.act == 4 else one) for link, one in ENTRIES])
    assert verdict.findings == ("act 4, at position 3, was removed.",)


def test_an_act_that_is_removed_with_its_link_leaves_a_gap() -> None:
    verdict = verify([*ENTRIES[:2], *ENTRIES[3:]])
    assert verdict.findings == ("the chain has no position 3: what was done there was removed, with its links.",)
    assert "no position 1 to 2:" in verify(ENTRIES[2:]).findings[0]


def test_to_close_the_gap_is_found_as_well() -> None:
    later = [(replace(link, position=link.position - 1), one) for link, one in ENTRIES[3:] if link is not None]
    verdict = verify([*ENTRIES[:2], *later])
    assert verdict.number == 3
    assert verdict.findings[0].startswith("the act that was at position 3 was removed: act 3 (")


def test_a_beginning_that_is_cut_off_is_found_where_the_rest_moves_up() -> None:
    later = [(replace(link, position=link.position - 1), one) for link, one in ENTRIES[1:] if link is not None]
    assert verify(later).findings[0] == "act 2, at position 1, was not the first: what was done before it was removed."


def test_links_that_change_places_are_named() -> None:
    second, third = link_of(ENTRIES[1]), link_of(ENTRIES[2])
    entries = list(ENTRIES)
    entries[1] = (replace(third, position=2), ENTRIES[2][1])
    entries[2] = (replace(second, position=3), ENTRIES[1][1])
    verdict = verify(entries)
    assert verdict.findings[0] == (
        "the acts were reordered: act 4 (gap-accepted by ada, 2024-03-05), at position 2, was chained at 3."
    )
    assert verdict.number == 2


def test_neighbours_that_are_altered_with_and_without_a_link_are_both_named() -> None:
    altered = replace(act_of(ENTRIES[2]), who="eve")
    link = link_of(ENTRIES[2])
    entries = list(ENTRIES)
    entries[2] = (replace(link, hash=act_hash(link.previous, 3, altered)), altered)
    entries[3] = (ENTRIES[3][0], replace(act_of(ENTRIES[3]), why="another"))
    (finding,) = verify(entries).findings
    assert finding.startswith("act 4, at position 3, was altered")
    assert "act 3 (gap-accepted by ada, 2024-03-05), which follows, was chained to another, and altered" in finding


def test_acts_that_change_places_are_named() -> None:
    second, third = ENTRIES[1], ENTRIES[2]
    entries = list(ENTRIES)
    entries[1] = (replace(link_of(second), act=4), third[1])
    entries[2] = (replace(link_of(third), act=2), second[1])
    verdict = verify(entries)
    assert verdict.number == 2
    assert verdict.findings[0].startswith("the acts were reordered: act 4 (")
    assert "is at position 2 in the place of act 2 (" in verdict.findings[0]


def test_an_act_without_a_link_was_added_past_the_chain() -> None:
    verdict = verify([*ENTRIES, (None, act(99, "keys-rotated"))])
    assert verdict.findings == ("act 99 (keys-rotated by ada, 2024-03-09) was added past the chain: it has no link.",)


def test_an_act_that_is_put_in_between_is_found() -> None:
    put_in = chain([act_of(entry) for entry in ENTRIES[:3]] + [act(50)])
    later = [(replace(link, position=link.position + 1), one) for link, one in ENTRIES[3:] if link is not None]
    verdict = verify([*put_in, *later])
    assert verdict.findings[0].startswith("act 50, at position 4, was added: act 3 (")


def test_an_end_that_is_cut_off_is_found_by_a_head_alone() -> None:
    assert verify(ENTRIES[:4]).whole
    verdict = verify(ENTRIES[:4], [HEAD])
    assert verdict.number == 1
    assert verdict.findings[0].startswith(
        "the trail ends at position 4, and had 6 at least when the checkpoint of noon"
    )
    assert verify([], [HEAD]).number == 1


def test_what_is_told_is_bounded_and_all_is_counted() -> None:
    entries = chain([act(number) for number in range(1, 1000)])
    verdict = verify([(link, replace(one, why="another")) for link, one in entries if one is not None])
    assert (verdict.number, len(verdict.findings)) == (999, LISTED)


def test_a_head_is_written_and_read() -> None:
    assert parse_head(str(HEAD), HEAD.said) == HEAD
    for wrong in ("", "6", "6 abc", "0 " + "0" * 64, "x " + "0" * 64, "6 " + "0" * 65):
        with pytest.raises(ValueError, match="is no head"):
            parse_head(wrong, "it")


def test_a_checkpoint_carries_a_head_in_its_text_and_not_in_its_signatures() -> None:
    note = f"origin\n3\nroot\nacts {HEAD}\n\n— acts 1 {'0' * 64}\nacts 1 {'0' * 64}\n"
    assert list(heads_of_note(note, HEAD.said)) == [HEAD]
    assert list(heads_of_note("origin\n0\nroot\n\n— x y\n", "it")) == []


@pytest.mark.parametrize("why", ["a test: ü", ""])
def test_a_row_that_no_act_can_be_is_altered_whatever_stands_in_its_place(why: str) -> None:
    entries = chain([replace(act(number), why=why) for number in NUMBERS])
    entries[2] = (link_of(entries[2]), replace(act_of(entries[2]), why="", odd="it has no why"))
    (found,) = verify(entries).findings
    assert found == "act 4, at position 3, was altered: it has no why."
