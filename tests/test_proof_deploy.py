"""`make proof-deploy` says what failed and what was skipped, and never takes the one for the other."""

import io
from pathlib import Path

from rich.console import Console

from proof_deploy.run import prove, table_of
from proof_deploy.step import Step, by_tests
from proof_provider.checks import Checks


async def _holds(checks: Checks, _directory: Path) -> None:
    checks.that("it is so", True)


async def _breaks_off(_checks: Checks, _directory: Path) -> None:
    raise OSError("gone")


async def test_a_step_is_proven_fails_or_is_skipped_for_a_reason(tmp_path: Path):
    steps = [
        Step("area", "holds", _holds),
        Step("area", "breaks off", _breaks_off),
        Step("area", "cannot be played", _breaks_off, lambda: "no Docker engine answers"),
    ]
    console = Console(file=io.StringIO(), width=160)
    done = await prove(steps, tmp_path, console)
    (_, holds), (_, broken), (_, skipped) = done
    assert isinstance(holds, Checks)
    assert holds.faults == []
    assert isinstance(broken, Checks)
    assert [(one.what, one.saw.split(" (")[0]) for one in broken.faults] == [("it ends", "OSError: gone")]
    assert skipped == "no Docker engine answers"
    console.print(table_of(done))
    assert "skipped: no Docker engine answers" in console.file.getvalue()


async def test_tests_that_fail_or_are_skipped_are_faults(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    suite = tmp_path / "test_made_up.py"
    suite.write_text(
        "import pytest\ndef test_holds(): pass\ndef test_fails(): assert False\n"
        "@pytest.mark.skip\ndef test_left_out(): pass\n"
    )
    checks = Checks("a step", "its words")
    await by_tests("area", "words", str(suite)).play(checks, tmp_path)
    assert {one.what.rsplit("::", 1)[-1]: one.holds for one in checks.done} == {
        "test_holds": True,
        "test_fails": False,
        "test_left_out": False,
        "the tests ended as they should": False,
    }


async def test_tests_that_cannot_be_run_are_a_fault(tmp_path: Path):
    checks = Checks("a step", "its words")
    await by_tests("area", "words", str(tmp_path / "nowhere.py")).play(checks, tmp_path)
    assert checks.faults
