"""Files as people have them, read to the end or refused before anything is sent."""

import pytest
from publish_support import NHS_NUMBER, workbook

from pcare_cli.publishing.mapping import Mapping
from pcare_cli.publishing.reading import open_file
from pcare_cli.publishing.rows import FileError


def table(file, **mapping):
    opened = open_file(file, Mapping(**mapping))
    found = list(opened.rows())
    assert len(found) == opened.count
    return opened, found


def write(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_in_the_line_of_names(tmp_path, between):
    text = between.join(["a", '"b, or; c"', "d"]) + "\n" + between.join(["1", "2", "3"]) + "\n"
    opened, found = table(write(tmp_path, "x.csv", text))
    assert opened.columns == ("a", "b, or; c", "d")
    assert found[0].cells == {"a": "1", "b, or; c": "2", "d": "3"}
    assert opened.dialect.delimiter == between


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path):
    assert table(write(tmp_path, "x.csv", b"\xef\xbb\xbfa,b\r\n1,2\r\n"))[0].columns == ("a", "b")
    assert table(write(tmp_path, "x.csv", "a,b\n1,2\n".encode("utf-16")), encoding="utf-16")[0].columns == ("a", "b")


def test_an_encoding_that_is_not_said_is_not_guessed(tmp_path):
    file = write(tmp_path, "x.csv", "a,b\nZoë,2\n".encode("cp1252"))
    with pytest.raises(FileError, match="cp1252") as caught:
        table(file)
    assert "Zo" not in str(caught.value)
    assert table(file, encoding="cp1252")[1][0].cells["a"] == "Zoë"
    with pytest.raises(FileError, match="no encoding"):
        table(file, encoding="cp9999")


def test_rows_have_the_numbers_that_a_spreadsheet_shows_and_empty_ones_are_none(tmp_path):
    found = table(write(tmp_path, "x.csv", 'a,b\n1,2\n\n,\n"3\nor 4",5\n6\n'))[1]
    assert [(row.number, row.cells) for row in found] == [
        (2, {"a": "1", "b": "2"}),
        (5, {"a": "3\nor 4", "b": "5"}),
        (6, {"a": "6"}),
    ]


def test_a_row_with_too_many_cells_is_refused_and_no_other(tmp_path):
    found = table(write(tmp_path, "x.csv", "a,b\n1,2,3\n4,5,\n"))[1]
    assert [row.trouble is None for row in found] == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "names"), ("a,a\n1,2\n", "same name"), ("a,b\n1," + '"' + "x" * 200_000, "quotation")],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path, text, said):
    with pytest.raises(FileError, match=said):
        table(write(tmp_path, "x.csv", text))


def test_a_first_line_that_is_a_row_is_not_shown_as_names(tmp_path):
    with pytest.raises(FileError, match="names of the columns") as caught:
        table(write(tmp_path, "x.csv", "999 000 0018,Smith,2024-04-19\n"))
    assert "999" not in str(caught.value)
    assert "Smith" not in str(caught.value)


def test_an_unknown_form_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match=r"\.csv"):
        table(write(tmp_path, "x.doc", "a"))
    for name in ("none.csv", "none.ndjson", "none.xlsx"):
        with pytest.raises(FileError, match="cannot be read"):
            table(tmp_path / name)


def test_lines_that_are_no_rows_are_refused_one_by_one(tmp_path):
    long = b'{"a": "' + b"x" * 2_000_000 + b'"}'
    lines = [b'{"a": 1}', b"", b"{", b"[1]", b'{"a": 1, "a": 2}', long, b'{"a": "' + b"\xff" + b'"}', b'{"a": 3}']
    found = table(write(tmp_path, "x.ndjson", b"\n".join(lines)))[1]
    assert [row.number for row in found] == [1, 3, 4, 5, 6, 7, 8]
    assert [row.trouble is None for row in found] == [True, False, False, False, False, True, True]
    assert all(len(row.original[0]) < 1_000 for row in found)


def test_a_workbook_gives_what_its_cells_show(tmp_path):
    names = ["NHS Number", "When", "Ref", "Score", "Yes", "Empty", "Sum"]
    # 45401.4375 is 19 April 2024, half past ten; 45401 is the day alone
    first = [9990000018, ("date", 45401.4375), "00123", 52.9, True, None, ("formula", "1+1", "R-2")]
    second = ["999 000 0018", ("date", 45401), "x", 47.0, False, None, ""]
    opened, found = table(workbook(tmp_path / "x.xlsx", {"One": [names, first, [], second], "Two": [["a"], ["b"]]}))
    assert opened.columns == tuple(names)
    assert found[0].cells == {
        "NHS Number": NHS_NUMBER, "When": "2024-04-19 10:30:00", "Ref": "00123", "Score": "52.9", "Yes": "true",
        "Empty": "", "Sum": "R-2",
    }  # fmt: skip
    assert found[1].cells["When"] == "2024-04-19"
    assert found[1].cells["Score"] == "47"
    assert [row.number for row in found] == [2, 4]


def test_another_sheet_is_taken_by_its_name(tmp_path):
    file = workbook(tmp_path / "x.xlsx", {"One": [["a"], ["1"]], "Two": [["b"], ["2"]]})
    assert table(file, sheet="Two")[1][0].cells == {"b": "2"}
    with pytest.raises(FileError, match="One, Two"):
        table(file, sheet="Three")


def test_what_is_no_workbook_is_said_to_be_none(tmp_path):
    with pytest.raises(FileError, match="no workbook"):
        table(write(tmp_path, "x.xlsx", b"PK no"))
