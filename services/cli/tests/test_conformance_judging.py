import httpx
import pytest

from pcare_cli.conformance import judging
from pcare_cli.conformance.address import PROBLEM, Address, Answer, client_for, state_of
from pcare_cli.conformance.credential import NOBODY, Bearer
from pcare_cli.conformance.findings import Finding, Outcome

PROBLEM_TYPE = {"content-type": f"{PROBLEM}; charset=utf-8"}


def problem(status: int, reason: str, pointer: str = "/data/score", **headers: str) -> Answer:
    errors = [{"pointer": pointer, "message": "Wrong.", "expected": "right"}]
    document = {"status": status, "reason": reason, "detail": "Mend it.", "errors": errors}
    return Answer(status, document, {**PROBLEM_TYPE, **headers})


def receipt(**document: object) -> Answer:
    return Answer(200, document)


@pytest.mark.parametrize(
    "finding",
    [
        judging.accepted(Answer(202, {}, {"location": "/events/a/b?at=t/0/1"})),
        judging.fine(Answer(200, {"status": "valid"})),
        judging.refused(problem(422, "invalid_data"), 422, "invalid_data", "/data/score"),
        judging.became(receipt(status="recorded"), "recorded"),
        judging.became(receipt(status="rejected", reason="id_reused"), "rejected", reason="id_reused"),
        judging.became(receipt(status="rejected", problem={"reason": "id_reused"}), "rejected", reason="id_reused"),
        judging.turned_away(problem(401, "unauthorized", **{"www-authenticate": "Bearer"}), asked=True),
        judging.batch_verdicts(Answer(207, [{"status": "accepted"}, {"status": "rejected"}]), ["accepted", "rejected"]),
    ],
)
def test_what_is_as_it_must_be_passes(finding: Finding) -> None:
    assert finding.outcome is Outcome.passed


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (judging.accepted(Answer(202, {})), "without a Location"),
        (judging.accepted(problem(422, "invalid_data")), "/data/score: Wrong. Expected: right"),
        (judging.accepted(Answer(0, "ConnectError: refused")), "no answer"),
        (judging.refused(Answer(202), 422, "invalid_data"), "it must be 422"),
        (judging.refused(problem(422, "unknown_code"), 422, "invalid_data"), "it must be 422 invalid_data"),
        (judging.refused(problem(422, "invalid_data", "/id"), 422, "invalid_data", "/data/x"), "point at /data/x"),
        (judging.refused(Answer(422, {"reason": "invalid_data"}), 422, "invalid_data"), "no application/problem+json"),
        (judging.became(receipt(status="accepted"), "recorded"), "must say recorded"),
        (judging.became(problem(404, "no_receipt"), "recorded"), "404 no_receipt"),
        (judging.became(receipt(status="rejected", reason="too_large"), "rejected", reason="id_reused"), "id_reused"),
        (judging.turned_away(problem(401, "unauthorized"), asked=True), "WWW-Authenticate"),
        (judging.turned_away(Answer(202), asked=True), "must be 401"),
        (judging.turned_away(problem(422, "invalid_data"), asked=False), "must be 401"),
        (judging.batch_verdicts(Answer(202, [{"status": "accepted"}] * 2), ["accepted", "rejected"]), "202"),
    ],
)
def test_what_is_not_fails_and_says_what_it_must_be(finding: Finding, words: str) -> None:
    assert finding.outcome is Outcome.failed
    assert words in finding.saw


def test_an_open_address_proves_nothing_about_credentials() -> None:
    assert judging.turned_away(Answer(200), asked=False).outcome is Outcome.unproven


async def test_it_waits_as_it_is_asked_to_and_says_so() -> None:
    answers = iter([(503, {"Retry-After": "3"}), (429, {}), (202, {"Location": "/events/a/b"})])
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer x"
        status, headers = next(answers)
        return httpx.Response(status, headers=headers, json={})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test") as client:
        address = Address(client, Bearer("x"), sleep=sleep)
        got = await address.send({"id": "one"})
    assert (got.status, waits, address.waits) == (202, [3.0, 1.0], ["3", "none"])
    assert "after waiting" in judging.accepted(got).saw


async def test_it_waits_until_a_receipt_is_settled_and_no_longer() -> None:
    states, asked, event = iter(["accepted", "accepted", "recorded", "never"]), [], {"source": "urn:a/b", "id": "one"}

    async def sleep(_seconds: float) -> None:
        pass

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json={"status": next(states)})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test") as client:
        address = Address(client, NOBODY, sleep=sleep)
        assert state_of(await address.receipt(event)) == "recorded"
    assert asked == ["/events/urn%3Aa%2Fb/one"] * 3


async def test_an_address_that_does_not_answer_is_an_answer_too() -> None:
    async with client_for("http://127.0.0.1:1") as client:
        answer = await Address(client, NOBODY).get("/health/ready")
    assert answer.status == 0
    assert "ConnectError" in judging.told(answer)
