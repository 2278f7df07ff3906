"""A scenario's events as the log would hold them: for trying a scenario on the replay without any server."""

import datetime as dt
import json
from collections.abc import Iterable

from pcare_schemas import recorded
from pcare_schemas.check import Record, check
from pcare_schemas.log import LogLine, read_line
from pcare_schemas.origin import Origin
from pcare_schemas.rejections import Rejection
from pcare_schemas.rules import Rules
from pcare_schemas.topics import SUBMITTED
from proof.making import Event


def lines_of(events: Iterable[Event], at: dt.datetime, rules: Rules) -> list[LogLine]:
    """Return the events as recorded. Raises AssertionError for one that would be rejected."""
    lines = []
    for event in events:
        record = Record(json.dumps(event).encode(), event["subject"].encode(), SUBMITTED, at)
        judged = check(record, rules)
        assert not isinstance(judged, Rejection), (event, judged)
        origin = Origin(SUBMITTED, 0, len(lines))
        lines.append(
            read_line(
                recorded.recorded_text(
                    judged, subject=judged.subject, recorded_at=at, origin=origin, rules_version=rules.version
                )
            )
        )
    return lines
