"""What a local Kafka node is told: its properties and how it logs. Pure text, no client."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pcare_local.kafka_security import Security
from pcare_local.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Node:
    """One Kafka process, broker and controller at once. `number` counts from 1; the ports are on 127.0.0.1.

    `broker_port`, where the other brokers come in, is one of its own only where clients have to say who they are.
    """

    number: int
    directory: Path
    port: int
    controller_port: int
    broker_port: int = 0

    @property
    def address(self) -> str:
        """The address that clients use, host:port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def data(self) -> Path:
        """Where Kafka keeps its log segments."""
        return self.directory / "data"

    @property
    def properties(self) -> Path:
        """The server.properties of this node."""
        return self.directory / "server.properties"

    @property
    def logging(self) -> Path:
        """The configuration of Log4j of this node."""
        return self.directory / "log4j2.properties"

    @property
    def log(self) -> Path:
        """Kafka's own log."""
        return self.directory / "kafka.log"

    @property
    def console(self) -> Path:
        """What the JVM writes besides the log."""
        return self.directory / "console.log"


def server_properties(node: Node, nodes: Sequence[Node], security: Security | None = None) -> str:
    """Return server.properties of `node` in a cluster of `nodes`, whose durability fits their number.

    Without `security` everybody on this machine may do everything.
    """
    replicas = min(3, len(nodes))
    in_sync = 2 if replicas == 3 else 1
    voters = ",".join(f"{other.number}@{LOOPBACK}:{other.controller_port}" for other in nodes)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        **_listeners(node, security),
        "log.dirs": node.data,
        # Topics are declared in deploy/kafka/topics.yaml: a misspelt name must fail, not make a topic.
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Kafka's 50 serve hundreds of groups; here they would be 50 directories to open at each start.
        "offsets.topic.num.partitions": 6,
        "transaction.state.log.num.partitions": 6,
        # A broker that was killed may register again only when its old session has ended: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # A group of one machine is complete at once: waiting for more members only delays the start.
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _listeners(node: Node, security: Security | None) -> dict[str, object]:
    controller = f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
    if security is None:
        return {
            "listeners": f"PLAINTEXT://{node.address},{controller}",
            "advertised.listeners": f"PLAINTEXT://{node.address}",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }
    open_to_all = f"CLIENTS://{node.address},BROKERS://{LOOPBACK}:{node.broker_port}"
    return {
        "listeners": f"{open_to_all},{controller}",
        "advertised.listeners": open_to_all,
        "inter.broker.listener.name": "BROKERS",
        **security.settings(),
    }


def logging_properties(node: Node) -> str:
    """Return log4j2.properties of `node`: one file, rolled at 10 MB, two older ones kept."""
    return f"""status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {node.log}
appender.file.filePattern = {node.log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d] %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""
