"""Whatever is done to a sealed record is found and named; an untouched one is whole."""

from collections.abc import Callable

import pytest

from pcare_audit.leaves import about
from pcare_audit.merkle import leaf_hash
from pcare_audit.sealed.findings import Finding, Kind
from pcare_audit.sealed.items import MergeOf, Unsealed
from pcare_audit.sealed.verifying import Kept, Result, verify
from sealed_record import SUBMITTED, TABLE, TOPIC, Record, sealed_record, signer, text


@pytest.fixture
def record() -> Record:
    return sealed_record()


def check(record: Record, *kept: Kept) -> Result:
    return verify(record.items(), record.signer.verifier, kept)


def only(result: Result) -> Finding:
    assert result.total == len(result.findings) == 1, list(map(str, result.findings))
    assert not result.whole
    return result.findings[0]


def swap(record: Record, one: int, two: int, *fields: str) -> None:
    first, second = record.leaves[one], record.leaves[two]
    record.change(one, **{name: getattr(second, name) for name in fields})
    record.change(two, **{name: getattr(first, name) for name in fields})


PLACE = ("origin_topic", "origin_partition", "origin_offset", "hash", "texts")


@pytest.mark.parametrize("form", ["database", "log"])
def test_an_untouched_record_is_whole(record: Record, form: str) -> None:
    if form == "log":
        record.as_the_log()
    result = check(record, Kept("mine", record.notes[1]))
    assert result.whole, list(map(str, result.findings))
    assert (result.leaves, result.checkpoints) == (30, 4)
    assert result.proven == result.newest == record.checkpoints[-1]


def test_nothing_sealed_is_not_whole() -> None:
    assert not check(Record()).whole


def test_a_text_that_was_changed_is_named(record: Record) -> None:
    before = record.change(9, texts=[text(2012, more="x")])
    found = only(check(record))
    assert (found.kind, found.leaf, found.origin) == (Kind.ALTERED, 9, str(before.origin))
    assert found.event == ("urn:test", "id-2012")
    assert "its text is not the one that the leaf is of" in str(found)


def test_a_leaf_whose_hash_was_changed_is_told_from_a_text(record: Record) -> None:
    record.change(9, hash=bytes(32))
    result = check(record)
    found = only(result)
    assert (found.kind, found.leaf) == (Kind.ALTERED, 9)
    assert "its record is what was sealed" in found.words
    assert result.proven == record.checkpoints[-1]


def test_a_text_and_its_leaf_changed_together_are_found_by_the_root(record: Record) -> None:
    changed = text(2012, more="x")
    record.change(9, texts=[changed], hash=leaf_hash(changed.encode()))
    result = check(record)
    found = only(result)
    assert found.kind is Kind.ALTERED
    assert found.checkpoint == str(record.checkpoints[1])
    assert "leaves 6 to 13" in found.words
    assert "2 later ones" in found.words
    assert result.proven == record.checkpoints[0]


def test_a_row_that_is_gone_is_named_by_its_leaf(record: Record) -> None:
    record.change(9, texts=[], source="urn:test", id="id-2012")
    found = only(check(record))
    assert (found.kind, found.leaf, found.event) == (Kind.REMOVED, 9, ("urn:test", "id-2012"))
    record.change(9, gone="its row in pcare.interventions is gone")
    assert "pcare.interventions" in only(check(record)).words


def test_a_leaf_that_is_gone_is_named_by_its_record(record: Record) -> None:
    gone = record.leaves.pop(9)
    record.unsealed.append(Unsealed(str(gone.origin), gone.texts[0]))
    result = check(record)
    found = only(result)
    assert (found.kind, found.leaf, found.event) == (Kind.REMOVED, 9, ("urn:test", "id-2012"))
    assert result.proven == record.checkpoints[-1]


@pytest.mark.parametrize("number", [0, 9, 13, 14, 29])
def test_a_leaf_and_its_record_that_are_gone_are_missed(record: Record, number: int) -> None:
    del record.leaves[number]
    result = check(record)
    found = only(result)
    stretch = next(one for one in record.checkpoints if one.size > number)
    assert (found.kind, found.checkpoint) == (Kind.REMOVED, str(stretch))
    assert f"leaf {number}, which it sealed, is not there" in found.words


def test_a_whole_stretch_that_is_gone_is_missed(record: Record) -> None:
    del record.leaves[4:16]
    result = check(record)
    assert [one.kind for one in result.findings] == [Kind.REMOVED] * 3
    assert "2 leaves from 4 on" in result.findings[0].words


@pytest.mark.parametrize(("one", "two"), [(6, 9), (7, 8), (6, 13), (20, 29)])
def test_leaves_that_changed_places_are_named(record: Record, one: int, two: int) -> None:
    swap(record, one, two, *PLACE)
    result = check(record)
    assert {found.kind for found in result.findings} == {Kind.REORDERED}
    assert {found.leaf for found in result.findings} <= {one, two}
    assert result.proven == record.checkpoints[-1]


def test_leaves_that_changed_places_over_a_checkpoint_are_named(record: Record) -> None:
    swap(record, 2, 9, *PLACE)
    result = check(record)
    assert [(found.kind, found.leaf) for found in result.findings[:2]] == [(Kind.REORDERED, 2), (Kind.REORDERED, 9)]


@pytest.mark.parametrize("fields", [("hash",), ("texts",)])
def test_hashes_or_texts_that_changed_places_are_named(record: Record, fields: tuple[str]) -> None:
    swap(record, 7, 9, *fields)
    result = check(record)
    assert [(found.kind, found.leaf) for found in result.findings] == [(Kind.REORDERED, 7), (Kind.REORDERED, 9)]
    assert result.proven == record.checkpoints[-1]


def test_a_record_that_was_put_in_is_named(record: Record) -> None:
    record.unsealed.append(Unsealed(f"{SUBMITTED}/2/3", text(2003)))
    found = only(check(record))
    assert (found.kind, found.event, found.origin) == (Kind.ADDED, ("urn:test", "id-2003"), f"{SUBMITTED}/2/3")


def test_a_leaf_that_was_put_in_is_found(record: Record) -> None:
    record.leaves.insert(9, record.leaves[9])
    found = only(check(record))
    assert (found.kind, found.leaf) == (Kind.ADDED, 9)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("place", [TABLE, TOPIC])
def test_a_byte_of_a_checkpoint_is_missed_in_the_place_where_it_was_changed(
    record: Record, number: int, place: str
) -> None:
    note = record.notes[number]
    at = note.index("\ncovers") + 30
    record.instead[place, number] = note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :]
    found = only(check(record))
    assert found.kind is Kind.SIGNATURE
    assert place in str(found)
    assert f"{record.checkpoints[number].size:,} leaves" in str(found)


@pytest.mark.parametrize("number", range(4))
def test_a_byte_of_a_checkpoint_changed_everywhere_is_still_that_alone(record: Record, number: int) -> None:
    for place in (TABLE, TOPIC):
        record.instead[place, number] = record.notes[number].replace("covers", "c0vers", 1)
    result = check(record)
    kinds = {found.kind for found in result.findings}
    assert kinds == {Kind.SIGNATURE} if number < 3 else {Kind.SIGNATURE, Kind.REMOVED}


@pytest.mark.parametrize("place", [TABLE, TOPIC])
def test_a_checkpoint_that_is_missing_in_one_place_is_named(record: Record, place: str) -> None:
    record.missing.add((place, 1))
    found = only(check(record))
    assert (found.kind, found.checkpoint) == (Kind.REMOVED, str(record.checkpoints[1]))
    assert f"not in {place}" in found.words


def test_a_checkpoint_that_is_missing_everywhere_shows_in_the_kept_copy(record: Record) -> None:
    record.missing |= {(TABLE, 1), (TOPIC, 1)}
    found = only(check(record, Kept("mine", record.notes[1])))
    assert (found.kind, found.checkpoint) == (Kind.REMOVED, str(record.checkpoints[1]))


def test_the_newest_checkpoint_that_is_missing_everywhere_leaves_leaves_behind(record: Record) -> None:
    record.missing |= {(TABLE, 3), (TOPIC, 3)}
    found = only(check(record))
    assert (found.kind, found.checkpoint) == (Kind.REMOVED, str(record.checkpoints[2]))
    assert "16 leaves stand behind it" in found.words


def test_an_older_record_that_was_put_back_shows_in_the_kept_copy(record: Record) -> None:
    newest = record.notes.pop()
    record.checkpoints.pop()
    del record.leaves[14:]
    result = check(record, Kept("mine", newest))
    assert [found.kind for found in result.findings] == [Kind.REMOVED, Kind.REMOVED]
    assert "16 leaves from 14 on" in result.findings[1].words


def test_another_history_under_the_same_key_is_inconsistent(record: Record) -> None:
    other = sealed_record()
    other.signer = record.signer
    other.change(3, texts=[text(1, more="another")], hash=leaf_hash(text(1, more="another").encode()))
    other.notes, other.checkpoints = [], []
    done, other.leaves = other.leaves, []
    for leaf in done[:14]:
        other.add(leaf.origin_partition, leaf.origin_offset, leaf.texts[0])
    other.seal()
    result = check(record, Kept("mine", other.notes[0]))
    assert Kind.INCONSISTENT in {found.kind for found in result.findings}
    assert result.proven == record.checkpoints[-1]


def test_a_checkpoint_of_another_key_is_refused(record: Record) -> None:
    result = verify(record.items(), signer().verifier)
    assert {found.kind for found in result.findings} == {Kind.SIGNATURE, Kind.REMOVED}
    assert not result.checkpoints


def test_what_the_checkpoints_know_of_the_audit_trail_is_compared(record: Record) -> None:
    record.heads[3] = bytes(32)
    changed = check(record)
    assert {(found.kind, found.checkpoint) for found in changed.findings} == {
        (Kind.ALTERED, str(record.checkpoints[0])),
        (Kind.ALTERED, str(record.checkpoints[1])),
    }
    del record.heads[3]
    assert {found.kind for found in check(record).findings} == {Kind.REMOVED}


def test_in_the_log_a_record_that_no_checkpoint_covers_shows_that_one_was_cut_off(record: Record) -> None:
    record.as_the_log()
    for number in (2, 3):
        record.missing.add((TOPIC, number))
    found = only(check(record))
    assert found.kind is Kind.REMOVED
    assert "16 leaves stand behind it" in found.words


def tell_twice(record: Record, number: int, other: str) -> None:
    record.change(number, texts=[*record.leaves[number].texts, other])


def test_in_the_log_a_record_that_is_gone_is_missed_in_its_stretch(record: Record) -> None:
    record.as_the_log()
    del record.leaves[9]
    found = only(check(record))
    assert (found.kind, found.checkpoint) == (Kind.REMOVED, str(record.checkpoints[1]))


def test_in_the_log_what_is_said_twice_and_differently_is_named(record: Record) -> None:
    record.as_the_log()
    tell_twice(record, 9, text(2012, more="x"))
    found = only(check(record))
    assert (found.kind, found.event) == (Kind.ALTERED, ("urn:test", "id-2012"))


def test_in_the_log_a_record_that_was_changed_is_found_by_the_root(record: Record) -> None:
    record.as_the_log()
    record.change(9, texts=[text(2012, more="x")])
    result = check(record)
    assert only(result).checkpoint == str(record.checkpoints[1])
    assert result.proven == record.checkpoints[0]


def test_in_the_log_a_record_that_was_put_in_is_found(record: Record) -> None:
    record.as_the_log()
    record.leaves.insert(10, record.leaves[9].__class__(None, SUBMITTED, 2, 11, None, [text(2011)]))
    result = check(record)
    assert result.findings[0].kind is Kind.ADDED


def merged(late: bool) -> Record:
    """Return a record in which a became b by act 7, after a's event was sealed or, `late`, before."""
    record = Record(merges=[MergeOf("person:a", "person:b", 7)])
    moved = about(text(1).encode(), "person:b").decode()
    record.add(0, 1, moved if late else text(1))
    if not late:
        record.seal()
    record.add(0, 7, text(7, gone="person:a", kept="person:b"), topic="pcare.acts")
    record.add(0, 3, text(3, "person:b"))
    record.seal()
    return record


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("form", ["database", "log"])
def test_a_merge_of_persons_changes_no_leaf(late: bool, form: str) -> None:
    record = merged(late)
    moved = about(text(1).encode(), "person:b").decode()
    if form == "log":
        record.as_the_log()
        record.change(0, texts=[text(1), moved])  # as it was, and said again
    else:
        record.change(0, texts=[moved])
    assert check(record).whole, list(map(str, check(record).findings))
    stranger = about(text(1).encode(), "person:c").decode()
    record.change(0, texts=[stranger])
    assert not check(record).whole
    if form == "log":
        record.change(0, texts=[text(1), stranger])
        assert not check(record).whole


def test_a_merge_that_nobody_sealed_excuses_no_changed_text(record: Record) -> None:
    record.add(0, 7, text(7, gone="person:c", kept="person:d"), topic="pcare.acts")
    record.merges = [MergeOf("person:c", "person:d", 7)]
    record.seal(acts=5)
    assert check(record).whole
    record.change(9, texts=[about(record.leaves[9].texts[0].encode(), "person:b").decode()])
    assert not check(record).whole
    for act in (6, 7):  # below what is sealed, where it would have a leaf; and beside the one that was sealed there
        record.merges[1:] = [MergeOf("person:a", "person:b", act)]
        found = only(check(record))
        assert (found.kind, found.origin) == (Kind.ADDED, f"pcare.acts/0/{act}")


def test_a_merge_that_is_not_sealed_yet_is_said_to_prove_nothing(record: Record) -> None:
    record.change(9, texts=[about(record.leaves[9].texts[0].encode(), "person:b").decode()])
    record.merges.append(MergeOf("person:a", "person:b", 8))
    result = check(record)
    assert result.whole  # as it is between a merge and the next checkpoint
    assert result.unproven_merges == 1


@pytest.mark.parametrize("form", ["database", "log"])
def test_a_leaf_behind_what_is_sealed_seals_no_merge(record: Record, form: str) -> None:
    if form == "log":
        record.as_the_log()
        record.add(0, 8, text(8, gone="person:a", kept="person:b"), topic="pcare.acts")
        record.change(30, leaf=None, hash=None)
    record.merges.append(MergeOf("person:a", "person:b", 8))
    assert check(record).unproven_merges == 1


TAMPERS: list[Callable[[Record, int], object]] = [
    lambda record, at: record.change(at, texts=[record.leaves[at].texts[0].replace("urn", "arn")]),
    lambda record, at: record.change(at, hash=bytes([record.leaves[at].hash[0] ^ 1]) + record.leaves[at].hash[1:]),
    lambda record, at: record.change(at, texts=[]),
    lambda record, at: record.leaves.pop(at),
    lambda record, at: record.change(at, origin_offset=record.leaves[at].origin_offset + 1000),
]


@pytest.mark.parametrize("tamper", TAMPERS)
def test_any_leaf_may_be_tampered_with_and_it_is_named_or_its_checkpoint_is(
    tamper: Callable[[Record, int], object],
) -> None:
    for at in range(30):
        record = sealed_record()
        tamper(record, at)
        result = check(record)
        assert result.total >= 1
        named = {found.leaf for found in result.findings} | {
            word for found in result.findings if found.leaf is None for word in (f"leaf {at}",) if word in found.words
        }
        assert {at, f"leaf {at}"} & named, (at, list(map(str, result.findings)))


def test_a_text_of_which_no_end_can_be_seen_is_named(record: Record) -> None:
    record.change(9, texts=['{"x":' + "[" * 100_000])
    found = only(check(record))
    assert (found.kind, found.leaf) == (Kind.ALTERED, 9)


@pytest.mark.parametrize("taken", [None, b"", bytes(31)])
def test_a_leaf_whose_hash_was_taken_away_is_named(record: Record, taken: bytes | None) -> None:
    record.change(9, hash=taken)
    result = check(record)
    found = only(result)
    assert (found.kind, found.leaf) == (Kind.ALTERED, 9)
    assert "holds no hash" in found.words
    assert result.proven == record.checkpoints[-1]
