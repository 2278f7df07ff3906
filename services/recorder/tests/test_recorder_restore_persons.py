"""What a rebuild makes of the keys that it finds: the rule, without a database."""

from pcare_recorder.restore_persons import next_after


def test_the_key_that_is_being_moved_to_is_the_later_one_that_most_have() -> None:
    assert next_after("k1", {"k1": 500, "k2": 400, "k3": 6}) == "k2"
    assert next_after("k2", {"k1": 500, "k2": 500}) is None
    assert next_after("k9", {"k9": 500, "k10": 400}) == "k10"


def test_a_key_that_somebody_made_up_is_not_being_moved_to() -> None:
    assert next_after("k1", {"k1": 500, "k999": 5}) is None
    assert next_after("k1", {"k1": 500, "k2": 6, "k999": 5}) == "k2"
