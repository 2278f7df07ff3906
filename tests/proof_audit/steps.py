"""The script. A step is a row: its name, what it shows, and what plays it. `short` ones are played by the tests too."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from proof_audit import acts, checkpoints, erasing, exports, records, replaying, rows, untouched
from proof_audit.stage import Stage
from proof_provider.checks import Checks


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the script."""

    name: str
    words: str
    play: Callable[[Stage, Checks], Awaitable[None]]


STEPS = (
    Step("sealed and untouched", "System and exports verify by the public key alone.", untouched.verified),
    Step("replayed and equal", "Everything that was submitted is where it belongs, to the event.", replaying.equal),
    Step("proofs", "One event is in a checkpoint; one checkpoint is the beginning of another.", untouched.proven),
    Step("rows", "Each way to change, remove, put in or move a row, a text or a leaf is found and named.", rows.play),
    Step("records", "In a copy of the log: a byte, one dropped, one said twice, one that is none.", records.play),
    Step("checkpoints", "A byte, what stands beside a note, one removed: in table, topic, both.", checkpoints.play),
    Step("exports", "A file that was changed on its way.", exports.play),
    Step("audit trail", "An act altered, removed, or the whole chain made anew.", acts.play),
    Step("replay", "Log, tables and counters differ in every way, and are equal when put right.", replaying.differing),
    Step("the sealer refuses", "It signs nothing that contradicts what it signed.", acts.refused),
    Step("erasure", "A person is erased: proofs and replay hold, and nothing brings the link back.", erasing.play),
    Step("untouched again", "Everything put right: nothing is found.", untouched.verified),
)
