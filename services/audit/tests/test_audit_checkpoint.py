"""Checkpoints: one text for each, and anything else is refused."""

import datetime as dt

import pytest

from pcare_audit.checkpoint import ActsHead, Checkpoint, CheckpointError, origin_of, parse
from pcare_audit.merkle import EMPTY_ROOT

WHOLE = Checkpoint(
    origin_of("ncl"),
    1_234,
    EMPTY_ROOT,
    dt.datetime(2024, 3, 31, 23, 5, 1, 250_000, tzinfo=dt.UTC),
    ActsHead(17, bytes(range(32))),
    {
        "interventions.submitted/10": 9,
        "pcare.acts/0": 18,
        "interventions.submitted/2": 0,
        "interventions.submitted.rke/0": 7,
    },
)
TEXT = """\
uk.nhs.ncl.personalised-care/ncl
1234
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
time 2024-03-31T23:05:01.250000Z
acts 17 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
covers interventions.submitted/2 0
covers interventions.submitted/10 9
covers interventions.submitted.rke/0 7
covers pcare.acts/0 18
"""


def test_a_checkpoint_is_written_and_read() -> None:
    assert WHOLE.text() == TEXT
    assert parse(TEXT) == WHOLE
    bare = Checkpoint(origin_of("ncl"), 0, EMPTY_ROOT, WHOLE.time)
    assert parse(bare.text()) == bare
    assert "acts" not in bare.text()


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("uk.nhs.ncl.personalised-care/", "somewhere.else/"),
        ("\n1234\n", "\n01234\n"),
        ("\n1234\n", "\n-1\n"),
        ("47DEQpj8", "47DEQpj"),
        ("47DEQpj8", "47DE Qp8"),
        ("time ", "at "),
        ("time 2024-03-31", "time 2024-02-31"),
        ("01.250000Z", "01.25Z"),
        ("Z\n", "+00:00\n"),
        ("acts 17", "acts x"),
        ("acts 17", "act 17"),
        ("1e1f\n", "1e1\n"),
        ("\n1234\n", "\n9223372036854775808\n"),
        ("acts 17", "acts 9223372036854775808"),
        ("submitted/10 9", "submitted/10 9223372036854775808"),
        ("submitted/10 9", "submitted/2147483648 9"),
        ("submitted/2 0", "submitted 0"),
        ("submitted/2 0", "submitted/10 0"),
        ("covers interventions.submitted/2 0\n", "covers interventions.submitted/20 0\n"),
        ("covers pcare.acts/0 18\n", "covers pcare.acts/0 18"),
        ("covers pcare.acts/0 18\n", "covers pcare.acts/0 18\n\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(said: str, instead: str) -> None:
    assert said in TEXT
    with pytest.raises(CheckpointError):
        parse(TEXT.replace(said, instead, 1))
