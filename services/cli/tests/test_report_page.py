"""The page: well-formed, alone in the world, and whatever senders wrote stands on it without doing anything."""

import html
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
import typer
from report_support import KINDS, difference, report, without_numbers

from pcare_cli.main import app
from pcare_cli.reporting import page as pages
from pcare_cli.reporting.document import Report, as_json, from_json
from pcare_cli.reporting.meanings import MEANINGS, UNKNOWN
from pcare_cli.reporting.signing import sha256
from pcare_cli.reporting.words import css_string, seen

VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover='x' \u202egnp\x00\x07"


class Reader(HTMLParser):
    """Reads a page strictly: each tag is closed where it must be, and no id is there twice."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def page_of(of: Report) -> str:
    document = as_json(of)
    return pages.render(of, document, sha256(document)).decode()


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    ids = reader.all("id")
    assert len(ids) == len(set(ids))
    return reader


def words(page: str) -> str:
    return " ".join(" ".join(read(page).text).split())


@pytest.fixture(scope="module")
def unequal() -> str:
    """A page with differences of every kind, and a hostile one."""
    every = [difference(kind, number) for kind in KINDS for number in (1, 2)]
    hostile = {"source": HOSTILE, "id": HOSTILE}
    every.append(difference("row-differs", 99, event=hostile, words=HOSTILE, expected=HOSTILE, found={"a": HOSTILE}))
    return page_of(report(every))


def test_an_equal_replay_is_called_equal_and_one_with_differences_is_not(unequal: str) -> None:
    equal = words(page_of(report()))
    assert "Equal: everything that was compared agrees." in equal
    assert "There is none." in equal
    assert "✗ differs" not in equal
    assert "✗ differs" in words(unequal)
    assert "Not equal: 31 differences found." in words(unequal)
    assert "everything that was compared agrees" not in words(unequal)


def test_each_difference_is_there_with_what_it_means_and_what_to_do(unequal: str) -> None:
    shown = words(unequal)
    for kind in KINDS:
        assert f"{kind}-1 " in shown
        assert f"{kind}-2 " in shown
        assert MEANINGS[kind].means.replace("`", "") in shown
    assert len(re.findall(r"What it means", unequal)) == len(KINDS)


def test_nothing_that_a_sender_wrote_is_markup_or_unseen(unequal: str) -> None:
    reader = read(unequal)
    assert not {"script", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in reader.tags}
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert html.escape("<script>alert(1)</script>") in unequal
    assert r"\u{202e}gnp\u{0}\u{7}" in unequal
    assert not set("\u202e\x00\x07") & set(unequal)


def test_the_page_needs_nothing_from_elsewhere(unequal: str) -> None:
    reader = read(unequal)
    targets = [*reader.all("href"), *reader.all("src"), *reader.all("srcset"), *reader.all("action")]
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"<!--.*?-->", "", unequal))
    anchors = set(reader.all("id"))
    assert {target[1:] for target in reader.all("href")} <= anchors


def test_tables_say_of_what_they_are_and_drawings_have_words(unequal: str) -> None:
    reader = read(unequal)
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption") > 5
    assert all("scope" in attributes for tag, attributes in reader.tags if tag == "th")
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg" and attributes.get("role") == "img"]
    assert drawings
    assert all(set((one["aria-labelledby"] or "").split()) <= set(reader.all("id")) for one in drawings)
    assert tags.count("desc") == len(drawings) == tags.count("figure")


def test_a_hostile_name_of_the_system_ends_neither_style_nor_title() -> None:
    reader = read(page_of(msgspec.structs.replace(report(), system='"}</style><script>alert(1)</script>')))
    assert "script" not in [tag for tag, _ in reader.tags]
    assert css_string('a"</style>\\') == '"a\\22 \\3c \\2f style\\3e \\5c "'


def test_what_could_not_be_compared_is_no_equality() -> None:
    undecided = words(page_of(report(troubles=["interventions.recorded/3: records did not come"], equal=False)))
    assert "Not decided: not everything could be compared." in undecided
    assert "interventions.recorded/3: records did not come" in undecided
    assert "That is no proof" in undecided
    part = words(page_of(report(scope={"whole": False, "topics": []})))
    assert "Only a part of the log was read" in part


def test_what_was_left_out_is_said_in_the_verdict() -> None:
    said = words(page_of(report(left_out=["3 topics of an <earlier> year", "2 links"])))
    assert "Left out, and not vouched for: 3 topics of an <earlier> year; 2 links." in said
    assert "Left out" not in words(page_of(report()))


def test_a_number_that_differs_is_marked_by_words() -> None:
    whole = report()
    odd = next(number for number in whole.numbers if number.area == "NCL" and number.replay and number.replay.value)
    wrong = msgspec.structs.replace(odd, exact=False, sql=msgspec.structs.replace(odd.replay, value=12345))
    page = page_of(msgspec.structs.replace(whole, numbers=[wrong if one is odd else one for one in whole.numbers]))
    assert "12,345" in page
    assert "1 of 102 indicator values are not the same" in words(page)
    assert "✗" in page


def test_a_way_that_was_not_asked_is_not_vouched_for() -> None:
    whole = report()
    assert "are the same by replay, in the database and in the running service." in words(page_of(whole))
    unasked = [msgspec.structs.replace(number, stream=None) for number in whole.numbers]
    assert "are the same by replay and in the database." in words(
        page_of(msgspec.structs.replace(whole, numbers=unasked))
    )


def test_a_replay_without_numbers_says_why() -> None:
    whole = report()
    bare = msgspec.structs.replace(whole.replay, kpis=None, kpis_why_not="no aggregator was named")
    page = words(page_of(without_numbers(whole, replay=bare, courses=[], courses_why_not="nobody asked for them")))
    assert "They were not compared: no aggregator was named." in page
    assert "Nothing is drawn: nobody asked for them." in page


def test_json_comes_back_as_it_went() -> None:
    whole = report([difference(kind) for kind in KINDS])
    assert from_json(as_json(whole)) == whole
    assert as_json(from_json(as_json(whole))) == as_json(whole)


def test_a_text_is_cut_at_some_length_and_holds_no_nhs_number() -> None:
    assert seen("x" * 500) == "x" * 400 + "… (500 characters)"
    assert "943 476 5919" not in seen("of 943 476 5919")
    assert seen(None) == "null"


def test_each_kind_is_explained_and_each_command_named_is_there() -> None:
    commands: Any = typer.main.get_command(app)
    for one in (*MEANINGS.values(), UNKNOWN):
        for named in re.findall(r"`pcare ([a-z -]+)`", one.do):
            command = commands
            for word in named.split():
                assert word in command.commands, named
                command = command.commands[word]
