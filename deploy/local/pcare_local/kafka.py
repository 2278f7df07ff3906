"""Real Apache Kafka on this machine: one process a node, KRaft, loopback only."""

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pcare_local import processes
from pcare_local.class_archive import SECONDS_TO_WRITE, ClassArchive
from pcare_local.directory_lock import DirectoryLock
from pcare_local.java import Java, find_java
from pcare_local.kafka_files import arguments_for_java, cluster_id, fix_broker_count
from pcare_local.kafka_properties import Node, logging_properties, server_properties
from pcare_local.kafka_security import Security, write_secret
from pcare_local.ports import free_ports, is_open

# Everything shares a few cores here. Measured on two, with 100,000 records: the serial collector costs half of what G1
# does, and the quick compiler alone saves a third more (1.4 s of processor time against 2.1 s for 400,000 records).
JVM_OPTIONS = (
    "-server",
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
)
SECONDS_TO_START = 90.0
SECONDS_TO_STOP = 20.0
POLL_SECONDS = 0.02


class KafkaNode:
    """One Kafka process. It keeps its ports over restarts, and its data for the next program."""

    def __init__(
        self,
        node: Node,
        nodes: Sequence[Node],
        *,
        java: Java,
        classpath: Sequence[Path],
        cluster: str,
        security: Security | None = None,
    ) -> None:
        self.node = node
        self._security = security
        self._nodes = nodes
        self._java = java
        self._cluster = cluster
        self._classpath = ":".join(str(path) for path in classpath)
        self._archive = ClassArchive(java, self._classpath, classpath[0].parent, writer=str(node.number))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises ProcessError if it was never started."""
        return self._started().pid

    @property
    def log(self) -> Path:
        """Where to look when something is wrong."""
        return self.node.log if self.node.log.exists() else self.node.console

    def start(self, lock: int) -> None:
        """Start the process and return at once; format the storage first if that was never finished.

        The process keeps the file descriptor `lock` open.
        """
        self.node.directory.mkdir(parents=True, exist_ok=True)
        self.node.properties.write_text(server_properties(self.node, self._nodes, self._security))
        self.node.logging.write_text(logging_properties(self.node))
        self._format_once()
        options = [*JVM_OPTIONS, *self._archive.options()]
        self._process = self._run(["kafka.Kafka", str(self.node.properties)], options, keep_open=[lock])

    def wait_until_open(self, deadline: float) -> None:
        """Wait until the node accepts connections, at most to `deadline` of the monotonic clock.

        Raises ProcessError with the end of its log when it does not.
        """
        while not is_open(self.node.port):
            status = self._started().poll()
            if status is not None:
                self._archive.discard()
                raise processes.failed(f"Kafka node {self.node.number}", f"ended with status {status}", self.log)
            if time.monotonic() > deadline:
                raise processes.failed(f"Kafka node {self.node.number}", "did not open its port in time", self.log)
            time.sleep(POLL_SECONDS)

    def is_running(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def ask_to_stop(self) -> None:
        """Send SIGTERM; `stop` waits for the end."""
        if self.is_running():
            self._started().terminate()

    def stop(self) -> None:
        """End the process in order, or with SIGKILL when that takes too long. May be called again."""
        if self._process is None:
            return
        writing = self._archive.is_being_written()
        processes.stop(self._process, seconds=SECONDS_TO_WRITE if writing else SECONDS_TO_STOP)
        self._archive.keep()

    def kill9(self) -> None:
        """End the process with SIGKILL, as a crash would."""
        processes.kill(self._started())

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise processes.ProcessError(f"Kafka node {self.node.number} was not started.")
        return self._process

    def _format_once(self) -> None:
        finished = self.node.directory / "formatted"
        if finished.exists():
            return
        shutil.rmtree(self.node.data, ignore_errors=True)  # what a format that was killed half-way left
        command = ["kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", str(self.node.properties)]
        if self._security is not None:
            command += self._security.format_arguments()
        # In a file of its own: everybody on the machine sees the arguments of a program.
        arguments = self.node.directory / "format.arguments"
        write_secret(arguments, arguments_for_java(command))
        process = self._run([f"@{arguments}"], ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        try:
            status = process.wait(SECONDS_TO_START)
        except subprocess.TimeoutExpired:
            processes.kill(process)
            raise processes.failed("Kafka's storage tool", "did not end in time", self.node.console) from None
        if status != 0:
            raise processes.failed("Kafka's storage tool", f"ended with status {status}", self.node.console)
        arguments.unlink()
        finished.touch()

    def _run(
        self, command: Sequence[str], options: Sequence[str], keep_open: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        logging = f"-Dlog4j2.configurationFile={self.node.logging}"
        whole = [str(self._java.program), *options, logging, "-cp", self._classpath, *command]
        return processes.spawn(whole, log=self.node.console, directory=self.node.directory, keep_open=keep_open)


class KafkaServer:
    """A Kafka cluster of `brokers` nodes on 127.0.0.1, its data in `directory`.

    Started anew on the same directory it continues with the data; a directory made for one number of brokers is
    refused with another. No process outlives this program (see `launch`). With `security`, which belongs to the data
    (see `kafka_security.secure`), clients have to say who they are, and may do what somebody allowed them to.
    """

    def __init__(
        self,
        directory: Path,
        *,
        classpath: Sequence[Path],
        java: Java | None = None,
        brokers: int = 1,
        security: Security | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.security = security
        self._lock = DirectoryLock(self.directory)
        fix_broker_count(self.directory, brokers)
        ports = iter(free_ports(3 * brokers))
        nodes = [
            Node(number, self.directory / f"node-{number}", next(ports), next(ports), next(ports))
            for number in range(1, brokers + 1)
        ]
        cluster = cluster_id(self.directory)
        used = java or find_java()
        self.nodes = [
            KafkaNode(node, nodes, java=used, classpath=classpath, cluster=cluster, security=security) for node in nodes
        ]

    @property
    def bootstrap_servers(self) -> str:
        """The addresses for clients, host:port, separated by commas."""
        return ",".join(node.node.address for node in self.nodes)

    @property
    def administration(self) -> dict[str, Any]:
        """The connection options of kafka-python for who may do everything."""
        who = {} if self.security is None else self.security.administrator()
        return {"bootstrap_servers": self.bootstrap_servers, **who}

    @property
    def pids(self) -> list[int]:
        """The process ids, in the order of the nodes."""
        return [node.pid for node in self.nodes]

    def start(self) -> None:
        """Start every node that does not run and wait until a client sees them all.

        May be called again after `stop`, `kill9` or a crash: the ports stay. Raises ProcessError, after ending what
        was started, when a node does not come up, and DirectoryInUseError when another program runs these data.
        """
        lock = self._lock.acquire()
        deadline = time.monotonic() + SECONDS_TO_START
        try:
            for node in self.nodes:
                if not node.is_running():
                    node.start(lock)
            for node in self.nodes:
                node.wait_until_open(deadline)
            self._wait_until_answering(deadline)
        except BaseException:
            self.stop()
            raise

    def is_running(self) -> bool:
        """Tell whether every node's process is there."""
        return all(node.is_running() for node in self.nodes)

    @property
    def log(self) -> Path:
        """Where to look when something is wrong: the log of a node that ended, else of the first."""
        return next((node for node in self.nodes if not node.is_running()), self.nodes[0]).log

    def stop(self) -> None:
        """End all nodes in order. May be called again."""
        for node in self.nodes:
            node.ask_to_stop()
        for node in self.nodes:
            node.stop()
        self._lock.release()

    def kill9(self) -> None:
        """End all nodes with SIGKILL, as a loss of power would."""
        for node in self.nodes:
            node.kill9()

    def _wait_until_answering(self, deadline: float) -> None:
        from kafka import KafkaAdminClient  # noqa: PLC0415 - a cluster that is only stopped needs no client
        from kafka.errors import KafkaError  # noqa: PLC0415

        seen = 0
        while time.monotonic() < deadline:
            try:
                admin = KafkaAdminClient(client_id="pcare-local", **self.administration)
                try:
                    seen = len(admin.describe_cluster()["brokers"])
                finally:
                    admin.close()
            except KafkaError:
                seen = 0
            if seen == len(self.nodes):
                return
            time.sleep(POLL_SECONDS)
        raise processes.failed("Kafka", f"answers for {seen} of {len(self.nodes)} brokers only", self.log)
