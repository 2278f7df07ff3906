"""Reads checkpoints, of the table and of the topic, and believes none that is not signed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pcare_audit.checkpoint import Checkpoint, CheckpointError, parse
from pcare_audit.signed_note import NoteError, Verifier, split
from pcare_cli.sealing.trouble import ContradictionError
from pcare_schemas.sealed import CheckpointData, read_checkpoint

FOREIGN = (
    "Nothing more is signed. If the key was changed, name the public key before it in PCARE_SEAL_EARLIER_KEYS, and "
    "start the sealer again. If not, somebody else wrote it: find out who may, and keep everything as it is. "
    "How to get past such a record of the topic: docs/runbooks/PcareSealerRefuses.md, 'A record on the topic that is "
    "not ours'."
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose signatures count for the log of this origin: those of the key that signs now, and of those before it."""

    origin: str
    verifiers: Sequence[Verifier]

    def open(self, note: str, where: str) -> Checkpoint:
        """Return the checkpoint of a signed note. Raises ContradictionError, which names `where` it stands."""
        refusals = []
        for verifier in self.verifiers:
            try:
                checkpoint = parse(verifier.open(note))
            except (NoteError, CheckpointError) as error:
                refusals.append(str(error))
                continue
            if checkpoint.origin != self.origin:
                raise ContradictionError(
                    f"{where} is of the log {checkpoint.origin}, and this sealer's is {self.origin}.", FOREIGN
                )
            return checkpoint
        raise ContradictionError(f"{where} is not signed by a key of this log: {' '.join(refusals)}", FOREIGN)


def unverified(note: str, where: str) -> Checkpoint:
    """Return the checkpoint of a note, whoever signed it. Raises ContradictionError where it is none."""
    try:
        return parse(split(note)[0])
    except (NoteError, CheckpointError) as error:
        raise ContradictionError(f"{where} is no checkpoint: {error}", FOREIGN) from None


def read_record(value: bytes | None, where: str) -> CheckpointData:
    """Return what a record of the topic says. Raises ContradictionError where the sealer did not write it."""
    try:
        return read_checkpoint(value or b"").data
    except (msgspec.MsgspecError, RecursionError):
        raise ContradictionError(f"{where} is no checkpoint.", FOREIGN) from None
