"""What the database and the brokers do to services: cut off, refuse, time out, run full, stay away, bring poison."""

import asyncio
import contextlib
import os
from random import Random

import asyncpg
from kafka import KafkaProducer

from faults.stage import Stage
from pcare_cli.sending import Fate
from pcare_cli.simulation.organisations import TRUST, Way

RECORDERS = "FROM pg_stat_activity WHERE datname = $1 AND application_name = 'pcare-recorder'"
GATE = 815_691
SLOW = f"""
CREATE FUNCTION pcare.wait_long() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WHILE NOT pg_try_advisory_xact_lock_shared({GATE}) LOOP PERFORM pg_sleep(0.1); END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER wait_long BEFORE INSERT ON pcare.interventions FOR EACH STATEMENT EXECUTE FUNCTION pcare.wait_long();
"""
NO_LONGER_SLOW = "DROP FUNCTION pcare.wait_long() CASCADE"
LONGER_THAN_A_STATEMENT_MAY_TAKE = 55.0  # see pcare_recorder.database


async def sessions_ended(stage: Stage, random: Random) -> None:
    """End the recorders' sessions again and again, as an administrator does."""
    for _ in range(8):
        await stage.administer(f"SELECT pg_terminate_backend(pid) {RECORDERS}", stage.database)
        await asyncio.sleep(random.uniform(0.05, 0.8))


async def statements_cancelled(stage: Stage, random: Random) -> None:
    """Cancel whatever the recorders ask, for some seconds: what a statement timeout does, only more often."""
    for _ in range(60):
        await stage.administer(f"SELECT pg_cancel_backend(pid) {RECORDERS} AND state <> 'idle'", stage.database)
        await asyncio.sleep(random.uniform(0.01, 0.1))


async def statement_timeout(stage: Stage, random: Random) -> None:
    """Make every batch wait for longer than the recorder's statement timeout, until one has run into it."""
    connection = await asyncpg.connect(stage.system.dsn, timeout=10)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({GATE})")
        await connection.execute(SLOW)
        await asyncio.sleep(LONGER_THAN_A_STATEMENT_MAY_TAKE)
        await connection.execute(f"SELECT pg_advisory_unlock({GATE})")
        await connection.execute(NO_LONGER_SLOW)
    finally:
        await connection.close()


async def refuses(stage: Stage, random: Random, *, seconds: float) -> None:
    """Let the database take no connections, and end those that it has."""
    await stage.administer(f"ALTER DATABASE {stage.database} ALLOW_CONNECTIONS false")
    try:
        everyone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
        await stage.administer(everyone, stage.database)
        await asyncio.sleep(seconds)
    finally:
        await stage.administer(f"ALTER DATABASE {stage.database} ALLOW_CONNECTIONS true")


async def away(stage: Stage, random: Random, *, seconds: float) -> None:
    """Let nobody answer at the database's address."""
    await asyncio.to_thread(stage.servers.postgres.stop)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(stage.servers.start_postgres)


async def disk_full(stage: Stage, random: Random) -> None:
    """Fill the database's disk to the last byte, and make room again. The database may not survive that by itself."""
    disk = stage.servers.small_disk
    if disk is None:
        stage.notes.append("not done: mounting a small file system needs root")
        return
    ballast = disk / "ballast"
    try:
        # unbuffered: what a buffer still holds when the disk is full would be written, and fail, at its close
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65_536)
        await asyncio.sleep(random.uniform(5, 10))
    finally:
        ballast.unlink()
        if not stage.servers.postgres.is_running():
            stage.notes.append("PostgreSQL ended, and was started again")
            await asyncio.to_thread(stage.servers.start_postgres)


async def kafka_away(stage: Stage, random: Random, *, seconds: float) -> None:
    """Start every service while no broker answers; then take the brokers away once more."""
    await asyncio.to_thread(stage.servers.kill_kafka)
    for process in list(stage.system.processes):
        with stage.holding(process):
            await stage.stop_in_order(process)
            process.start()
    await asyncio.sleep(random.uniform(1, 5))
    await asyncio.to_thread(stage.servers.start_kafka)
    await stage.ready()
    await asyncio.sleep(random.uniform(1, 5))
    if random.random() < 0.5:
        await asyncio.to_thread(stage.servers.kill_kafka)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(stage.servers.start_kafka)
    else:  # connections stay open, and nothing answers
        await stage.pause([node.pid for node in stage.servers.kafka.nodes], seconds)


async def poison_first(stage: Stage, random: Random) -> None:
    """Begin a partition's next batch with bytes that are no event; good ones of a provider follow them."""
    recorders = stage.copies("recorder")
    poison = random.choice((b"\xff\x00{", b"", b"[" * 100_000, b'{"specversion":"1.0"', os.urandom(2_000)))
    good = [stage.load.tell_for(Way.KAFKA) for _ in range(20)]
    with stage.holding(*recorders):
        for recorder in recorders:
            await stage.stop_in_order(recorder)
        await asyncio.to_thread(_append, stage, [(b"-", poison), *((one.key, one.value) for one in good)])
        for recorder in recorders:
            recorder.start()
    for one in good:
        stage.load.answers.note(one, Fate.ACCEPTED)


async def rolling_restart(stage: Stage, random: Random) -> None:
    """Stop and start everything in order, one after the other, as an upgrade does."""
    for process in list(stage.system.processes):
        with stage.holding(process):
            await stage.stop_in_order(process)
            process.start()
            await process.ready()
    for node in stage.servers.kafka.nodes:
        await asyncio.to_thread(node.stop)
        await asyncio.to_thread(stage.servers.start_kafka)
    await asyncio.to_thread(stage.servers.postgres.stop)
    await asyncio.to_thread(stage.servers.start_postgres)


def _append(stage: Stage, records: list[tuple[bytes | None, bytes]]) -> None:
    producer = KafkaProducer(acks="all", **stage.system.options)
    sent = [producer.send(TRUST.topic, value=value, key=key, partition=0) for key, value in records]
    for future in sent:
        future.get(timeout=60)
    producer.close(timeout=10)
