"""What the log may say of a rejected event."""

import structlog
from recorder_events import ALEX, checked, event

from pcare_recorder.rejection_log import log_rejections, readable_id
from pcare_recorder.verdicts import Recorded, judge


def test_an_id_is_shown_only_if_it_has_the_form_of_one() -> None:
    assert readable_id("8f0c-1") == "8f0c-1"
    for claimed in (None, "", "a name with spaces", "x" * 65, "line\nbreak"):
        assert readable_id(claimed) is None


def test_one_line_says_how_many_and_where_the_first_stood_and_nobody_s_name() -> None:
    values = [event(id=f"bad-{number}", score=101.0) for number in range(7)]
    verdicts = judge(checked(b"{", *values), Recorded(), str)
    with structlog.testing.capture_logs() as lines:
        log_rejections(verdicts)
    (line,) = lines
    assert line["reasons"] == {"not_json": 1, "invalid_data": 7}
    assert line["first"][0] == {"origin": "interventions.submitted/0/0", "reason": "not_json", "id": None}
    assert line["first"][1]["id"] == "bad-0"
    assert len(line["first"]) == 5
    assert ALEX not in str(line)


def test_nothing_is_said_of_a_batch_without_rejections() -> None:
    with structlog.testing.capture_logs() as lines:
        log_rejections(judge(checked(event()), Recorded(), lambda: "person:x"))
    assert lines == []
