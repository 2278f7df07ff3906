"""What takes back an event of another kind is left out; what takes back something unheard of is not."""

import msgspec
from audit_lines import line, retraction

from pcare_audit.passed_over import PassedOver


def test_what_takes_back_what_was_passed_over_is_left_out() -> None:
    passed_over = PassedOver()
    wanted, other = line("pam-scored", "2024-04-10"), line("sp-referral", "2024-04-10")
    elsewhere = msgspec.structs.replace(other, source="urn:b")
    of_none = line("event-retracted", "2024-05-01", retracts=["e-1"])
    staying = [
        wanted,
        retraction(wanted),
        retraction(other, retracts="unheard of"),
        retraction(elsewhere),
        of_none,
    ]
    passed_over.add(other)
    assert passed_over.without_their_retractions([*staying, retraction(other)]) == staying
    assert PassedOver().without_their_retractions(staying) == staying


def test_an_id_that_stands_for_a_wanted_event_too_is_not_of_another_kind_alone() -> None:
    passed_over = PassedOver()
    wanted = line("pam-scored", "2024-04-10")
    passed_over.add(wanted)
    lines = [wanted, retraction(wanted)]
    assert passed_over.without_their_retractions(lines) == lines
