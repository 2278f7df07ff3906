"""PostgreSQL's words about a value are never passed on: they quote it, and it may be about a person."""

import asyncpg
import pytest
import typer

from pcare_cli.doctor.findings import Check
from pcare_cli.doctor.looking import Look, all_of
from pcare_cli.operators import database_errors
from pcare_cli.postgres_errors import in_words
from pcare_cli.watch.looks import told

NHS_NUMBER = "943 476 5919"  # for tests
ABOUT_A_VALUE = asyncpg.InvalidTextRepresentationError(f'invalid input syntax for type bigint: "{NHS_NUMBER}"')
ABOUT_A_ROW = asyncpg.UniqueViolationError(f"Key (id)=({NHS_NUMBER}) already exists.")


@pytest.mark.parametrize("error", [ABOUT_A_VALUE, ABOUT_A_ROW], ids=["a value", "a row"])
async def test_what_quotes_a_row_is_told_by_its_class(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    async def fails() -> list[object]:
        raise error

    with pytest.raises(typer.Exit), database_errors():
        raise error
    (found,) = await all_of([Look(Check("record", "x"), fails, 5.0)])  # type: ignore[arg-type]
    for said in (capsys.readouterr().err, told(error), str(found), in_words(error)):
        assert type(error).__name__ in said
        assert NHS_NUMBER not in said


def test_where_a_value_is_wrong_the_advice_is_not_about_the_way_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), database_errors():
        raise ABOUT_A_VALUE
    said = capsys.readouterr().err
    assert "pcare audit replay" in said
    assert "PCARE_POSTGRES_DSN" not in said


def test_other_words_are_told() -> None:
    assert in_words(asyncpg.CannotConnectNowError("the database system is starting up")).endswith(" is starting up")
    assert in_words(TimeoutError()) == "TimeoutError"
