"""Signals: a service, a broker or the database is asked to stop, killed, or stopped for longer than its session."""

import asyncio
import os
import signal
from random import Random

from faults.stage import LONGER_THAN_A_SESSION, Stage
from pcare_local.kafka import KafkaNode

LONGER_THAN_A_BROKERS_SESSION = 6.0  # brokers of deploy/local are given up after 3 s


async def term_service(stage: Stage, random: Random, *, service: str) -> None:
    """Stop a copy in order, and start it again a moment later."""
    victim = random.choice(stage.copies(service))
    with stage.holding(victim):
        await stage.stop_in_order(victim)
        await asyncio.sleep(random.uniform(0, 1))
        victim.start()


async def kill_service(stage: Stage, random: Random, *, service: str) -> None:
    """Kill a copy; the supervisor starts it again."""
    random.choice(stage.copies(service)).kill()


async def stop_service(stage: Stage, random: Random, *, service: str) -> None:
    """Stop a copy until its session has ended and another has its work; then let it go on as if nothing had been."""
    victim = random.choice(stage.copies(service))
    assert victim.popen is not None
    await stage.pause([victim.popen.pid], LONGER_THAN_A_SESSION)


async def term_broker(stage: Stage, random: Random, *, leads: bool) -> None:
    """Stop a broker in order, and start it again."""
    node = await _broker(stage, random, leads=leads)
    await asyncio.to_thread(node.stop)
    await asyncio.sleep(random.uniform(0, 2))
    await asyncio.to_thread(stage.servers.start_kafka)


async def kill_broker(stage: Stage, random: Random, *, leads: bool) -> None:
    """Kill a broker, and start it again when others have taken over."""
    node = await _broker(stage, random, leads=leads)
    await asyncio.to_thread(node.kill9)
    await asyncio.sleep(random.uniform(0, 5))
    await asyncio.to_thread(stage.servers.start_kafka)


async def kill_brokers(stage: Stage, random: Random) -> None:
    """Kill all brokers at once, as a loss of power does, and start them again."""
    await asyncio.to_thread(stage.servers.kill_kafka)
    await asyncio.sleep(random.uniform(0, 3))
    await asyncio.to_thread(stage.servers.start_kafka)


async def stop_broker(stage: Stage, random: Random, *, leads: bool) -> None:
    """Stop a broker until others have taken over; then it goes on, and believes for a moment that it still leads."""
    node = await _broker(stage, random, leads=leads)
    await stage.pause([node.pid], LONGER_THAN_A_BROKERS_SESSION)


async def term_database(stage: Stage, random: Random) -> None:
    """Stop the database in order: first for new clients, then for all."""
    os.kill(stage.servers.postgres.pid, signal.SIGTERM)
    await asyncio.sleep(random.uniform(0, 2))
    await asyncio.to_thread(stage.servers.postgres.stop)
    await asyncio.to_thread(stage.servers.start_postgres)


async def kill_database(stage: Stage, random: Random) -> None:
    """Kill the database, and start it again."""
    await asyncio.to_thread(stage.servers.kill_postgres)
    await asyncio.sleep(random.uniform(0, 3))
    await asyncio.to_thread(stage.servers.start_postgres)


async def stop_database(stage: Stage, random: Random) -> None:
    """Stop the database where it stands: its connections are open, and nothing answers."""
    stage.servers.signal_postgres(signal.SIGSTOP)
    try:
        await asyncio.sleep(random.uniform(1, 2) * LONGER_THAN_A_SESSION)
    finally:
        stage.servers.signal_postgres(signal.SIGCONT)


async def _broker(stage: Stage, random: Random, *, leads: bool) -> KafkaNode:
    leader = await asyncio.to_thread(stage.servers.leader)
    others = [node for node in stage.servers.kafka.nodes if node is not leader]
    return leader if leads or not others else random.choice(others)


OF_A_SERVICE = {"SIGTERM": term_service, "SIGKILL": kill_service, "SIGSTOP": stop_service}
OF_A_BROKER = {"SIGTERM": term_broker, "SIGKILL": kill_broker, "SIGSTOP": stop_broker}
OF_THE_DATABASE = {"SIGTERM": term_database, "SIGKILL": kill_database, "SIGSTOP": stop_database}
