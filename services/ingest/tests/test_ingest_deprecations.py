"""What is on its way out is announced to whoever uses it, and to nobody else."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from ingest_support import RULES, Service

from pcare_schemas.deprecations import Deprecations
from pcare_schemas.examples import VALID

LONDON_SUMMER = dt.timezone(dt.timedelta(hours=1))
ANNOUNCED = Deprecations.read("""
deprecations:
  - kind: sp-referral
    field: /data/referrer
    since: 2024-01-01
    sunset: 2027-04-01
    instead: Send `referred_by`.
  - kind: sp-referral
    field: /recordedtime
    since: 2023-06-01
    instead: Leave it out.
  - kind: pam-scored
    since: 2099-01-01
    instead: Nothing yet.
  - kind: phb-ended
    since: 2024-06-01
    sunset: 2026-06-01
    instead: Send `phb-closed`.
""")


@pytest.fixture
def announcing(make_service: Callable[..., Service]) -> Service:
    return make_service(announced=ANNOUNCED)


async def test_who_uses_it_is_told_since_when_until_when_and_where(announcing: Service, event: dict[str, Any]) -> None:
    event.pop("recordedtime")

    answer = await announcing.send(event)

    assert answer.status_code == 202
    assert answer.headers["deprecation"] == f"@{int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp())}"
    assert answer.headers["sunset"] == "Thu, 01 Apr 2027 00:00:00 GMT"
    assert answer.headers["link"] == (
        '</docs/deprecations#sp-referral/data/referrer>; rel="deprecation"; type="text/html"'
    )


async def test_of_several_the_first_day_counts_and_each_is_linked(announcing: Service, event: dict[str, Any]) -> None:
    answer = await announcing.send_batch([event, VALID["phb-ended"], event, VALID["choice-offered"]])

    assert answer.headers["deprecation"] == f"@{int(dt.datetime(2023, 6, 1, tzinfo=dt.UTC).timestamp())}"
    assert answer.headers["sunset"] == "Mon, 01 Jun 2026 00:00:00 GMT"
    assert answer.headers["link"].count('rel="deprecation"') == 3


@pytest.mark.parametrize("kind", ["pam-scored", "choice-offered"])
async def test_nobody_else_is_told(announcing: Service, kind: str) -> None:
    answer = await announcing.send(VALID[kind])

    assert {"deprecation", "sunset", "link"} & set(answer.headers) == set()


async def test_a_check_tells_too_and_a_refusal_does_not(announcing: Service, event: dict[str, Any]) -> None:
    checked = await announcing.send(event, to="/events/check")
    refused = await announcing.send({**event, "id": "two words"})

    assert "deprecation" in checked.headers
    assert "deprecation" not in refused.headers


async def test_with_a_minimal_answer_it_is_told_all_the_same(announcing: Service, event: dict[str, Any]) -> None:
    assert "deprecation" in (await announcing.send(event, prefer="return=minimal")).headers


async def test_its_use_is_counted_by_provider(announcing: Service, event: dict[str, Any]) -> None:
    await announcing.send_batch([event, event, VALID["phb-ended"]])
    await announcing.send(event, to="/events/check")

    shown = await announcing.metrics()

    code = RULES.register.by_source[event["source"]].code
    counted = 'pcare_ingest_deprecated_events_total{provider="%s",what="sp-referral/data/referrer"} 2.0'
    assert counted % code in shown
    assert 'what="phb-ended"} 1.0' in shown


async def test_before_its_day_it_is_not_announced(make_service: Callable[..., Service], event: dict[str, Any]) -> None:
    announced = Deprecations.read("deprecations: [{kind: sp-referral, since: 2024-06-01, instead: Another.}]")
    early = make_service(announced=announced, now=dt.datetime(2024, 6, 1, 0, 59, tzinfo=LONDON_SUMMER))
    in_time = make_service(announced=announced, now=dt.datetime(2024, 6, 1, 1, 0, tzinfo=LONDON_SUMMER))

    assert "deprecation" not in (await early.send(event)).headers
    assert "deprecation" in (await in_time.send(event)).headers


async def test_the_page_that_is_linked_says_what_to_do(announcing: Service, service: Service) -> None:
    page = (await announcing.client.get("/docs/deprecations")).text

    assert 'id="sp-referral/data/referrer"' in page
    assert "Send `referred_by`." in page
    assert "2027-04-01" in page
    assert "Nothing at present" in (await service.client.get("/docs/deprecations")).text
