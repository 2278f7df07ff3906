"""Kafka: a provider writes to its own topic with a password over TLS, and can do nothing else."""

import asyncio
import json
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from events import referral
from proof_provider.checks import Checks
from proof_provider.joining import OTHER, TRUST
from proof_provider.stage import WHY, Stage, secret_in, source_of

OWN, ANOTHERS, SHARED = "interventions.submitted.rke", "interventions.submitted.rrv", "interventions.submitted"
NHS_NUMBERS = ["9990000018", "9990000034"]


async def play(stage: Stage, checks: Checks) -> None:
    """Let it in, ask for pseudonyms, write, and try everything that it may not."""
    shown = await stage.must("providers", "kafka", "add", TRUST, *WHY)
    password = secret_in(shown)
    stage.secrets.append(password)
    await stage.must("providers", "kafka", "add", OTHER, *WHY)
    checks.that("the operator is told what to send to it", OWN in shown and "bootstrap" in shown, shown)
    async with stage.client(stage.keys[TRUST]) as client:
        answer = await client.post("/pseudonyms", json={"nhs_numbers": NHS_NUMBERS})
        if not checks.answer("pseudonyms for NHS numbers", answer, 200):
            return
        subjects = answer.json()["pseudonyms"]
    acts = await stage.fetch("SELECT details FROM pcare.acts WHERE what = 'pseudonyms-given'")
    checks.that("and that it asked is written down", acts, acts)

    options = {
        "bootstrap_servers": stage.bootstrap_servers,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": _user_in(shown),
        "sasl_plain_password": password,
        "ssl_cafile": str(stage.authority),
    }
    right = [referral(f"kafka-{n}", subject=subject) for n, subject in enumerate(subjects)]
    wrong = {**referral("kafka-as-another", subject=subjects[0]), "source": source_of(OTHER)}
    written = await asyncio.to_thread(_write, options, OWN, [*right, wrong])
    checks.equal("it writes to its own topic", written, None)
    checks.that("and is recorded", await stage.is_recorded(source_of(TRUST), *(one["id"] for one in right)))
    rejected = await _rejection(stage, wrong["id"])
    checks.equal("in another's name it is rejected", rejected, "source_not_allowed")
    for topic in (ANOTHERS, SHARED, "interventions.recorded", "interventions.rejected"):
        refused = await asyncio.to_thread(_write, options, topic, right[:1])
        checks.that(f"it cannot write to {topic}", refused, "it was written")
    for topic in (OWN, "interventions.recorded", "interventions.subjects"):
        refused = await asyncio.to_thread(_read, options, topic)
        checks.that(f"it cannot read {topic}", refused, "it was read")
    for what, other in (("a wrong password", {"sasl_plain_password": "wrong"}), ("no password", None)):
        refused = await asyncio.to_thread(_write, _changed(options, other), OWN, right[:1])
        checks.that(f"{what} does not get in", refused, "it was written")
    shown = await stage.must("providers", "kafka", "rotate", TRUST, *WHY)
    new = secret_in(shown)
    stage.secrets.append(new)
    refused = await asyncio.to_thread(_write, options, OWN, right[:1])
    checks.that("after a rotation the old password does not get in", refused, "it was written")
    written = await asyncio.to_thread(_write, {**options, "sasl_plain_password": new}, OWN, right[:1])
    checks.equal("the new one does", written, None)
    acts = await stage.acts()
    checks.that("all of it is written down", acts >= {"kafka-user-added", "kafka-password-rotated"}, acts)


def _changed(options: dict[str, Any], other: dict[str, str] | None) -> dict[str, Any]:
    if other is not None:
        return {**options, **other}
    kept = {name: value for name, value in options.items() if not name.startswith("sasl")}
    return {**kept, "security_protocol": "SSL"}


def _user_in(shown: str) -> str:
    line = next(line for line in shown.splitlines() if line.split()[:1] == ["user"])
    return line.split()[1]


def _write(options: dict[str, Any], topic: str, events: list[dict[str, Any]]) -> str | None:
    """Write events, and return why it was refused; None if it was not."""
    try:
        producer = KafkaProducer(
            **options,
            acks="all",
            max_block_ms=4_000,
            request_timeout_ms=4_000,
            delivery_timeout_ms=5_000,
            bootstrap_timeout_ms=4_000,
        )
        try:
            for one in events:
                sent = producer.send(topic, key=one["subject"].encode(), value=json.dumps(one).encode())
                sent.get(10)
        finally:
            producer.close(timeout=2)
    except KafkaError as error:
        return type(error).__name__
    return None


def _read(options: dict[str, Any], topic: str) -> str | None:
    try:
        consumer = KafkaConsumer(**options, bootstrap_timeout_ms=4_000, request_timeout_ms=4_000)
        try:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.seek_to_beginning()
            consumer.poll(timeout_ms=4_000)
            return None if consumer.position(TopicPartition(topic, 0), timeout_ms=4_000) is not None else "no position"
        finally:
            consumer.close()
    except KafkaError as error:
        return type(error).__name__


async def _rejection(stage: Stage, id_: str) -> str | None:
    for _ in range(200):
        rows = await stage.fetch("SELECT reason FROM pcare.rejections WHERE id = $1", id_)
        if rows:
            return str(rows[0]["reason"])
        await asyncio.sleep(0.1)
    return None
