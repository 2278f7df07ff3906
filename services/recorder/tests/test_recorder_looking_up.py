"""Whatever another recorder commits between two statements, nobody honest is rejected and nobody begins twice."""

from collections.abc import Callable
from typing import Any

import pytest
from recorder_events import ALEX, checked, event, retraction
from test_recorder_persons import NEW_ALEX, Record, both
from test_recorder_verdicts import reasons

from pcare_recorder import store
from pcare_recorder.looking_up import look_up
from pcare_recorder.persons import key_of
from pcare_recorder.verdicts import Known, Verdicts, judge

STATEMENTS = 7
NOWHERE: Any = None  # the connection, which no statement here asks


class Tables:
    """The tables as the statements see them; `meanwhile` is committed before the statement of that number."""

    def __init__(self, record: Record, at: int, meanwhile: Callable[[Record], None]) -> None:
        self.record = record
        self.at = at
        self.meanwhile: Callable[[Record], None] | None = meanwhile
        self.asked = 0

    def replace(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("known_events", "known_links", "anchor", "subjects_under", "settled_origins"):
            monkeypatch.setattr(store, name, getattr(self, name))

    def _next(self, *, commits: bool = False) -> None:
        if self.meanwhile is not None and (commits or self.asked >= self.at):
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile(self.record)
        self.asked += 1

    async def known_events(self, _connection: Any, keys: set[tuple[str, str]]) -> dict[tuple[str, str], Known]:
        self._next()
        return {key: self.record.events[key] for key in keys if key in self.record.events}

    async def known_links(self, _connection: Any, names: set[str]) -> dict[str, str]:
        self._next()
        return {name: self.record.links[name] for name in names if name in self.record.links}

    async def anchor(self, _connection: Any, *, hold: bool) -> str | None:
        self._next(commits=hold)  # it waits for whoever changes the key, and nobody can after it
        return self.record.anchor

    async def subjects_under(self, _connection: Any, key: str, subjects: set[str]) -> set[str]:
        self._next()
        return {subject for name, subject in self.record.links.items() if key_of(name) == key} & subjects

    async def settled_origins(self, _connection: Any, _spans: Any) -> dict[Any, Any]:
        self._next()
        return {}

    def lost(self, verdicts: Verdicts) -> bool:
        """Whether what would be written is there already: then all of it is judged again."""
        return any(link.pseudonym in self.record.links for link in verdicts.links) or any(
            (new.event.source, new.event.id) in self.record.events for new in verdicts.events
        )

    async def judge(self, *values: dict[str, Any]) -> Verdicts:
        batch = checked(*values)
        return judge(batch, await look_up(NOWHERE, batch, ()), self.record.new_subject)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tables]:
    def make(record: Record, at: int, meanwhile: Callable[[Record], None]) -> Tables:
        tables = Tables(record, at, meanwhile)
        tables.replace(monkeypatch)
        return tables

    return make


@pytest.mark.parametrize("at", range(STATEMENTS))
@pytest.mark.parametrize("anchor", [None, "k1"])
async def test_a_repeat_of_what_is_being_committed_is_no_other_event(
    at: int, anchor: str | None, told: Callable[..., Tables]
) -> None:
    one = event(id="one")
    tables = told(Record(anchor), at, lambda record: _take(record, one))
    verdicts = await tables.judge(one)
    assert reasons(verdicts) == []
    assert not verdicts.events or tables.lost(verdicts) or tables.meanwhile


@pytest.mark.parametrize("at", range(STATEMENTS))
async def test_a_retraction_of_what_is_being_committed_is_about_its_subject(
    at: int, told: Callable[..., Tables]
) -> None:
    one = event(id="one")
    tables = told(Record(None), at, lambda record: _take(record, one))
    assert reasons(await tables.judge(retraction(one))) == []


@pytest.mark.parametrize("at", range(STATEMENTS))
async def test_who_is_linked_while_the_change_of_the_key_ends_is_not_unlinked(
    at: int, told: Callable[..., Tables]
) -> None:
    def linked_and_finished(record: Record) -> None:
        _take(record, both())
        record.anchor = "k2"

    tables = told(Record("k1"), at, linked_and_finished)
    verdicts = await tables.judge(event(subject=ALEX))
    assert reasons(verdicts) == []
    assert tables.lost(verdicts) or [new.subject for new in verdicts.events] == [tables.record.links[NEW_ALEX]]


def _take(record: Record, value: dict[str, Any]) -> None:
    record.take(value)
