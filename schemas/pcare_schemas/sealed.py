"""A checkpoint as a record of the topic interventions.checkpoints: the signed note, in a CloudEvent."""

import datetime as dt
from typing import Final

import msgspec
import orjson

from pcare_schemas.instants import utc

CHECKPOINT_TYPE: Final = "uk.nhs.ncl.personalised-care.checkpoint.v1"
CHECKPOINT_SOURCE: Final = "urn:ncl:personalised-care:sealer"


class CheckpointData(msgspec.Struct, frozen=True, gc=False):
    """The note to the byte, and the size of the tree that it is about."""

    note: str
    size: int


class CheckpointRecord(msgspec.Struct, frozen=True, gc=False):
    """A record of the topic of checkpoints. `subject` is the origin of the log, which is also its key."""

    id: str
    subject: str
    time: dt.datetime
    data: CheckpointData


_RECORDS = msgspec.json.Decoder(CheckpointRecord)


def checkpoint_text(note: str, *, origin: str, size: int, made_at: dt.datetime) -> bytes:
    """Return the record of a checkpoint, the same to the byte for the same arguments; keyed by `origin`."""
    time = utc(made_at)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"{size}/{time}",
            "source": CHECKPOINT_SOURCE,
            "type": CHECKPOINT_TYPE,
            "subject": origin,
            "time": time,
            "datacontenttype": "application/json",
            "data": {"note": note, "size": size},
        }
    )


def read_checkpoint(value: bytes) -> CheckpointRecord:
    """Read a record of the topic of checkpoints. Raises msgspec.MsgspecError for anything else."""
    return _RECORDS.decode(value)
