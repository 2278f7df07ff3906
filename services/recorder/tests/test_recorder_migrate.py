"""Which migrations a database lacks, and when it is not to be touched."""

import pytest

from pcare_common.errors import OperatorError
from pcare_recorder.migrate import Applied, Migration, migrations, pending

ONE, TWO = Migration(1, "one", "SELECT 1"), Migration(2, "two", "SELECT 2")


def applied(migration: Migration) -> Applied:
    return Applied(migration.number, migration.name, migration.sha256)


def test_what_was_not_applied_is_pending_in_order() -> None:
    assert pending([ONE, TWO], []) == (ONE, TWO)
    assert pending([ONE, TWO], [applied(ONE)]) == (TWO,)
    assert pending([ONE, TWO], [applied(ONE), applied(TWO)]) == ()


def test_a_database_of_a_later_release_is_not_touched() -> None:
    with pytest.raises(OperatorError, match="newer than this release: it has migration 0002_two"):
        pending([ONE], [applied(ONE), applied(TWO)])


def test_an_applied_migration_that_was_edited_is_noticed() -> None:
    edited = Migration(1, "one", "SELECT 1 -- edited")
    with pytest.raises(OperatorError, match="0001_one was applied with other content"):
        pending([edited], [applied(ONE)])


def test_the_files_are_numbered_without_a_gap() -> None:
    numbers = [migration.number for migration in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(migration.name and migration.sql for migration in migrations())
