"""What a verification of the running system finds beside leaves and checkpoints: in the trail, and on the log. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pcare_audit.acts_chain import Verdict
from pcare_audit.sealed.findings import Finding, Kind
from pcare_audit.sealed.items import Unsealed
from pcare_audit.sealed.texts import event_in
from pcare_audit.sealed.verifying import Result
from pcare_schemas.origin import Origin


def with_trail(result: Result, trail: Verdict) -> Result:
    """Add what the audit trail's own chain shows: a checkpoint says only that some act before it was changed."""
    told = [
        Finding(Kind.REMOVED if "was removed" in sentence else Kind.ALTERED, sentence, origin="the audit trail")
        for sentence in trail.findings
    ]
    return replace(result, findings=[*result.findings, *told], total=result.total + trail.number)


def with_strays(result: Result, suspects: Iterable[Unsealed], now: Mapping[tuple[str, int], int]) -> Result:
    """Add those records of the log that are beyond where the database has come by `now`: no checkpoint will cover them.

    At the time of the snapshot they were; some are only of what was recorded since.
    """
    strays = []
    for one in suspects:
        origin = Origin.parse(one.origin)
        if origin.offset >= now.get((origin.topic, origin.partition), 0):
            strays.append(Finding(Kind.ADDED, one.words, event_in(one.text), one.origin))
    return replace(result, findings=[*result.findings, *strays], total=result.total + len(strays))
