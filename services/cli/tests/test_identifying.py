"""Where NHS numbers are looked for, and what is none although it has ten digits."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcare_cli.identifying import files
from pcare_cli.identifying.files import OVERLAP_BYTES
from pcare_cli.identifying.places import Place, UnreadableError
from pcare_cli.identifying.searching import Search

NUMBER = "9990000018"
TIME = "1764366018"  # its check digit is right
SEARCH = Search({"9434765870"})


@pytest.mark.parametrize(
    "text",
    [
        NUMBER, "999 000 0018", "999-000-0018", f"nhs{NUMBER}x", f'"{NUMBER}".', f"{NUMBER}.", f"id={NUMBER}, 7",
        "\\u0039990000018", f"10.0.0.1 {NUMBER}", f"{NUMBER}.2026-01-05",
    ],
)  # fmt: skip
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert SEARCH.finds_one(text.encode())
    assert SEARCH.finds_one(text.encode(), log=True)


@pytest.mark.parametrize(
    "text",
    [
        "", "9990000019", f"1{NUMBER}", f"{NUMBER}1", "9434765870",
        f"12345678-1234-4234-8234-99{NUMBER}", f"person:k1:{'a' * 22}{NUMBER}",
        f"0.{NUMBER}", f'{{"seconds": {NUMBER}.25}}', f"took 12.{NUMBER}, then",
    ],
)  # fmt: skip
def test_what_is_no_number_passes(text: str) -> None:
    assert not SEARCH.finds_one(text.encode())


def test_a_time_in_seconds_passes_in_a_log_only() -> None:
    line = f"ts={TIME} level=info".encode()
    assert Search(()).finds_one(line)
    assert not SEARCH.finds_one(line, log=True)
    assert SEARCH.finds_one(line + f" {NUMBER}".encode(), log=True)


def test_a_number_is_found_in_base64() -> None:
    inside = json.dumps({"evidence": base64.b64encode(f'{{"subject": "nhs-number:{NUMBER}"}}'.encode()).decode()})
    assert SEARCH.finds_one(inside.encode())
    masked = base64.b64encode(b'{"subject": "nhs-number:**********"}').decode()
    assert not SEARCH.finds_one(json.dumps({"evidence": masked}).encode())


def found_in(*paths: Path) -> list[Place]:
    places: list[Place] = []
    for _ in files.scan(paths, SEARCH, places.append):
        pass
    return places


def test_files_are_looked_through_and_lines_are_named(tmp_path: Path) -> None:
    (tmp_path / "logs" / "old").mkdir(parents=True)
    file, other = tmp_path / "logs" / "a.log", tmp_path / "logs" / "old" / "b.log"
    file.write_text(f"one\ntwo {NUMBER}\nthree\n999 000\n0018\n")
    other.write_bytes(b"\xff\x00" + NUMBER.encode())
    (tmp_path / "logs" / "clean.log").write_text("nothing\n")

    assert found_in(tmp_path / "logs") == [Place(str(file), "line 2"), Place(str(other), "line 1")]
    assert NUMBER not in str(found_in(file))


def test_a_number_over_two_lines_is_found_at_the_first(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("one\ntwo\n999 000\n0018\nfive\n" + "more\n" * 20)
    assert Place(str(file), "line 3") in found_in(file)


def test_what_is_not_there_is_no_clean_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="There is no"):
        found_in(tmp_path / "none.log")


@given(data=st.data())
def test_where_a_file_is_cut_into_stretches_changes_nothing(tmp_path_factory: pytest.TempPathFactory, data) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path_factory.mktemp("files") / "a.log"
    padding = st.text("ab 1234567890123\n", max_size=3 * OVERLAP_BYTES)
    pieces = data.draw(
        st.lists(st.tuples(padding, st.sampled_from([NUMBER, "1234567890123", f"7{NUMBER}"])), max_size=4)
    )
    content = "".join(f"{text}\n{number}\n" for text, number in pieces)
    file.write_text(content)
    lines = content.split("\n")
    expected = [f"line {place + 1}" for place, line in enumerate(lines) if SEARCH.finds_one(line.encode(), log=True)]
    whole = files.STRETCH_BYTES
    try:
        files.STRETCH_BYTES = data.draw(st.integers(OVERLAP_BYTES, 4 * OVERLAP_BYTES))
        found = [place.part for place in found_in(file)]
    finally:
        files.STRETCH_BYTES = whole
    if expected:
        assert [one for one in found if one in expected] == expected
