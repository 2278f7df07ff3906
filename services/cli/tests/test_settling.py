from pcare_cli.accounting import Cursor
from pcare_cli.settling import Kafka, Left, left

WHERE, PROVIDER = ("interventions.submitted", 0), ("interventions.submitted.demo-trust", 0)


def kafka(**changes: object) -> Kafka:
    fields: dict[str, object] = {
        "starts": {WHERE: 0, PROVIDER: 0},
        "ends": {WHERE: 10, PROVIDER: 0},
        "published": {WHERE: 10},
        "recorded_ends": {0: 4, 1: 5, 2: 0},
    }
    return Kafka(**{**fields, **changes})  # type: ignore[arg-type]


def cursor(next_offset: int) -> dict[tuple[str, int], Cursor]:
    return {WHERE: Cursor(*WHERE, 0, next_offset, next_offset, 0, 0)}


APPLIED = {0: 3, 1: 4, 2: -1}


def test_all_has_arrived_and_an_empty_partition_needs_nothing() -> None:
    assert left(kafka(), cursor(10), APPLIED).nothing
    assert left(kafka(), cursor(10), {0: 3, 1: 4}).nothing


def test_each_step_on_the_way_is_waited_for() -> None:
    assert left(kafka(), cursor(7), APPLIED) == Left(to_judge=3, to_publish=0, to_apply=0)
    assert left(kafka(), {}, APPLIED) == Left(to_judge=10, to_publish=0, to_apply=0)
    assert left(kafka(published={WHERE: 8}), cursor(10), APPLIED) == Left(0, 2, 0)
    assert left(kafka(published={}), cursor(10), APPLIED) == Left(0, 10, 0)
    assert left(kafka(), cursor(10), {0: 3}) == Left(0, 0, 5)
    assert left(kafka(), cursor(10), APPLIED, merges=2) == Left(0, 2, 0)
    assert str(Left(1, 2, 3)) == "1 to judge, 2 to publish, 3 to count"


def test_what_retention_has_removed_is_not_waited_for() -> None:
    trimmed = kafka(starts={WHERE: 10, PROVIDER: 0}, published={})
    assert left(trimmed, cursor(10), APPLIED).nothing
