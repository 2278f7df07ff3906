"""What the log says of verdicts that somebody has to look at: where events stood and why; never what they hold."""

import re
from collections import Counter

from pcare_common import logs
from pcare_recorder.verdicts import Verdicts
from pcare_schemas.fields import REF_PATTERN

SHOWN = 5

_ID = re.compile(REF_PATTERN)

log = logs.get(__name__)


def log_rejections(verdicts: Verdicts) -> None:
    """Write one line for a batch, however many of its events are rejected, and one where it shows a person as two."""
    rejections = verdicts.rejections
    if rejections:
        log.warning(
            "events rejected",
            reasons=dict(Counter(str(rejection.reason) for _, rejection in rejections)),
            first=[
                {"origin": str(submitted.origin), "reason": str(rejection.reason), "id": readable_id(rejection.id)}
                for submitted, rejection in rejections[:SHOWN]
            ],
        )
    if verdicts.apart:
        log.warning(
            "persons with two subjects: see docs/keys.md",
            events=len(verdicts.apart),
            first=[str(submitted.origin) for submitted in verdicts.apart[:SHOWN]],
        )


def readable_id(claimed: str | None) -> str | None:
    """Return a claimed id if it has the form of one; anything else may say whatever its sender likes."""
    return claimed if claimed is not None and _ID.fullmatch(claimed) else None
