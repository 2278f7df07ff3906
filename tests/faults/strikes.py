"""What can be done to a running system, by name. Each strike ends what it began: then everything should recover."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from faults import strikes_dependencies as dependencies
from faults import strikes_instants as instants
from faults import strikes_processes as processes
from faults.stage import Stage

Act = Callable[[Stage, Random], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Strike:
    """One thing that goes wrong. `what` happens to `victim`.

    `short`: it is part of the short form, which has minutes. `seldom`: it lasts a minute or more.
    """

    what: str
    victim: str
    act: Act
    short: bool = False
    seldom: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.what}: {self.victim}"


SERVICES = ("ingest", "recorder", "kpi-aggregator")
IN_SHORT = {("SIGKILL", "recorder"), ("SIGSTOP", "recorder"), ("SIGSTOP", "kpi-aggregator"), ("SIGTERM", "ingest")}


def every_strike() -> list[Strike]:
    """Return all there are, in an order that says nothing."""
    found = [
        Strike(signal, service, partial(act, service=service), short=(signal, service) in IN_SHORT)
        for service in SERVICES
        for signal, act in processes.OF_A_SERVICE.items()
    ]
    for signal, act in processes.OF_A_BROKER.items():
        found.append(Strike(signal, "a broker", partial(act, leads=False)))
        found.append(Strike(signal, "the broker that leads", partial(act, leads=True), short=signal == "SIGKILL"))
    found.append(Strike("SIGKILL", "all brokers at once", processes.kill_brokers, short=True))
    found += [
        Strike(signal, "PostgreSQL", act, short=signal == "SIGKILL")
        for signal, act in processes.OF_THE_DATABASE.items()
    ]
    found += [
        Strike(f"{signal} {point.value}", "recorder", partial(instants.strike, point=point, what=what))
        for point in instants.POINTS
        for signal, what in (("SIGKILL", "kill"), ("SIGSTOP", "stop"))
    ]
    found += [
        Strike("SIGKILL during a rebalance", service, partial(instants.during_a_rebalance, service=service), short=True)
        for service in ("recorder", "kpi-aggregator")
    ]
    found += [
        Strike("SIGKILL while it publishes again", "recorder", instants.while_publishing_again, short=True),
        Strike("its sessions are ended", "PostgreSQL", dependencies.sessions_ended, short=True),
        Strike("its statements are cancelled", "PostgreSQL", dependencies.statements_cancelled),
        Strike("statements run into their timeout", "PostgreSQL", dependencies.statement_timeout, seldom=True),
        Strike("refuses connections", "PostgreSQL", partial(dependencies.refuses, seconds=8.0), short=True),
        Strike("refuses connections for 60 s", "PostgreSQL", partial(dependencies.refuses, seconds=60.0), seldom=True),
        Strike("is away for 60 s", "PostgreSQL", partial(dependencies.away, seconds=60.0), seldom=True),
        Strike("its disk is full", "PostgreSQL", dependencies.disk_full, short=True),
        Strike("away at the start, and later", "Kafka", partial(dependencies.kafka_away, seconds=15.0)),
        Strike(
            "away at the start, and for 60 s later",
            "Kafka",
            partial(dependencies.kafka_away, seconds=60.0),
            seldom=True,
        ),
        Strike("a poison record first in a batch", "recorder", dependencies.poison_first, short=True),
        Strike("restarted in turn", "everything", dependencies.rolling_restart),
    ]
    return found


def deck(random: Random, rounds: int, *, short: bool = False, only: str = "") -> list[Strike]:
    """Return what to strike in so many rounds: everything in turn, shuffled; what takes a minute one time in four.

    `only`: nothing else than what has this in its words.
    """
    wanted = [strike for strike in every_strike() if (strike.short or not short) and only in str(strike)]
    if only:
        wanted = [replace(strike, seldom=False) for strike in wanted]
    chosen: list[Strike] = []
    turn = 0
    while len(chosen) < rounds:
        now = [strike for place, strike in enumerate(wanted) if not strike.seldom or (place + turn) % 4 == 0]
        random.shuffle(now)
        chosen += now
        turn += 1
    return chosen[:rounds]
