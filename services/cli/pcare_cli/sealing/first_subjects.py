"""About whom events were at first: the log has each as it was first published, and again as merges moved it."""

from collections.abc import Mapping
from typing import Any

from pcare_audit.leaves import subject_of
from pcare_cli.sealing.merges import Merges
from pcare_recorder.log_reader import log_reader
from pcare_schemas.log import read_event
from pcare_schemas.topics import RECORDED


async def first_subjects(connection: Mapping[str, Any], group: str, merges: Merges, below: int) -> dict[str, str]:
    """Return by origin the first subject of every event of a person whom an act of `below` or later merged.

    Reads the whole log, unless there is no such person. Holds no more than those persons' events.
    """
    persons = merges.persons_of(merges.moved_since(below))
    firsts: dict[str, str] = {}
    if not persons:
        return firsts
    async with log_reader(connection, group=group) as log:
        async for records in log.read(RECORDED):
            for record in records:
                subject = subject_of(record.value)
                if subject in persons and not _is_merge(record.value):
                    origin = read_event(record.value).origin
                    known = firsts.get(origin)
                    if known is None or merges.is_before(subject, known):
                        firsts[origin] = subject
    return firsts


def _is_merge(value: bytes) -> bool:
    return b'"origin":"pcare.acts/' in value
