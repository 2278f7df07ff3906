"""Who is told to stay away, and what the log has of it."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from credential_support import SIGNING_KEY, by_key, by_signature, guarded, jwk, jwks
from starlette.requests import HTTPConnection

from pcare_common import api_keys
from pcare_common.clock import FixedClock
from pcare_ingest import failures
from pcare_ingest.failures import Failed, FailedError, Failures
from pcare_schemas.examples import RECEIVED

PROXY = HTTPConnection({"type": "http", "headers": [], "client": ("10.0.0.1", 1)})
BURST = int(failures.PER_ADDRESS.burst)


class Lines:
    """A logger that keeps whom it was told of."""

    def __init__(self) -> None:
        self.credentials: list[str | None] = []

    def info(self, _event: str, **fields: Any) -> None:
        self.credentials.append(fields["credential"])


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    made = Lines()
    monkeypatch.setattr(failures, "log", made)
    return made


@pytest.mark.parametrize(
    ("kind", "credential"),
    [
        (Failed.TOKEN_UNKNOWN, None),
        (Failed.TOKEN_EXPIRED, "c1"),
        (Failed.REVOKED, "c1"),
        (Failed.EXPIRED, "c1"),
        (Failed.ASSERTION_REPEATED, "c1"),
    ],
)
def test_who_is_known_is_told_each_time_whatever_others_do_behind_the_same_proxy(
    kind: Failed, credential: str | None, lines: Lines
) -> None:
    counted: Counter[str] = Counter()
    noted = Failures(lambda kind: counted.update([kind]), FixedClock(RECEIVED))
    noise = [noted.note(FailedError(Failed.KEY_UNKNOWN, "x"), PROXY) for _ in range(BURST + 5)]
    assert noise == [0] * BURST + [1] * 5
    lines.credentials.clear()

    told = [noted.note(FailedError(kind, "x", credential), PROXY) for _ in range(BURST + 5)]

    assert told == [0] * (BURST + 5)
    assert counted[kind] == BURST + 5
    assert lines.credentials == [credential] * BURST, "the log has a burst, and is silent then"


def test_the_log_has_a_burst_of_each_credential(lines: Lines) -> None:
    clock = FixedClock(RECEIVED)
    noted = Failures(lambda _kind: None, clock)
    for credential in ("c1", "c2", None):
        for _ in range(BURST + 5):
            noted.note(FailedError(Failed.TOKEN_EXPIRED, "x", credential), PROXY)

    clock.advance(dt.timedelta(seconds=1))
    noted.note(FailedError(Failed.REVOKED, "x", "c1"), PROXY)

    assert Counter(lines.credentials) == {"c1": BURST + 1, "c2": BURST, None: BURST}


def test_who_is_always_told_uses_up_nothing_of_the_address(lines: Lines) -> None:
    noted = Failures(lambda _kind: None, FixedClock(RECEIVED))
    for _ in range(BURST + 5):
        noted.note(FailedError(Failed.REVOKED, "x", "c1"), PROXY)

    assert noted.note(FailedError(Failed.MISSING, "x"), PROXY) == 0
    assert lines.credentials[-1] is None


async def test_a_client_behind_a_noisy_proxy_gets_its_next_token_and_learns_of_its_end(event: dict[str, Any]) -> None:
    edge, gone = guarded(), api_keys.new()
    edge.knows(by_signature(jwks(jwk(SIGNING_KEY, "k1"))), by_key(gone, expires_at=edge.clock.now()))
    bearer = f"Bearer {(await edge.ask()).json()['access_token']}"
    edge.clock.advance(dt.timedelta(seconds=600))
    noise = [(await edge.send(event, x_api_key="pcare_x")).status_code for _ in range(BURST + 5)]
    assert noise[-1] == 429

    expired = await edge.send(event, authorization=bearer)
    unknown = await edge.send(event, authorization=bearer[:-1])
    ended = await edge.send(event, x_api_key=gone.text)

    assert [one.status_code for one in (expired, unknown, ended)] == [401, 401, 401]
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]
