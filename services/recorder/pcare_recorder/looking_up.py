"""What a batch must know of the database before it can be judged, read in an order that other recorders cannot upset.

Each statement sees what was committed when it began. What is read later is therefore newer, and the order is a matter
of verdicts: whoever's event is seen must be seen to be linked, and whoever the anchor calls unknown must be unknown.
What is committed after all of it was read shows as a lost race when the batch is written.
"""

from collections.abc import Mapping, Sequence, Set

import asyncpg

from pcare_recorder import store
from pcare_recorder.persons import key_of
from pcare_recorder.store import Span
from pcare_recorder.verdicts import Checked, Recorded, asked_keys, asked_pseudonyms


async def look_up(connection: asyncpg.Connection, checked: Sequence[Checked], spans: Sequence[Span]) -> Recorded:
    """Return what is recorded of the events, pseudonyms and origins of a batch. Call it in its transaction."""
    keys, pseudonyms = asked_keys(checked), asked_pseudonyms(checked)
    # Events before links. An event is committed with its person's links: read the other way round, a repeat of an
    # event that was committed in between would be about nobody, and rejected as another event with its id.
    events = await store.known_events(connection, keys) if keys else {}
    links = await store.known_links(connection, pseudonyms) if pseudonyms else {}
    hold = len(links) < len(pseudonyms)
    anchor = await store.anchor(connection, hold=hold) if pseudonyms else None
    if hold and anchor is not None:
        # It may have waited for the end of a change of the key, and whoever was linked meanwhile is not unlinked.
        links = await store.known_links(connection, pseudonyms)
    anchored = await _anchored(connection, pseudonyms, links, anchor)
    settled = await store.settled_origins(connection, spans)
    return Recorded(events=events, links=links, anchor=anchor, anchored=anchored, settled=settled)


async def _anchored(
    connection: asyncpg.Connection, pseudonyms: Set[str], links: Mapping[str, str], anchor: str | None
) -> Set[str]:
    """Return the subjects, of those reached by a pseudonym under another key, that have one under the anchor too."""
    if anchor is None or all(name in links for name in pseudonyms if key_of(name) == anchor):
        return frozenset()  # nobody new is in the batch, and it is asked of them only
    reached = {subject for name, subject in links.items() if key_of(name) != anchor}
    return await store.subjects_under(connection, anchor, reached) if reached else frozenset()
