"""What is looked at of Kafka."""

from typing import Any

from pcare_cli.doctor import kafka_reading, kafka_rules
from pcare_cli.doctor.doors import UnseenError, with_admin
from pcare_cli.doctor.findings import Finding
from pcare_cli.doctor.looking import Look
from pcare_cli.doctor.reaching import Reaching
from pcare_cli.kafka_access import cluster, drift
from pcare_cli.kafka_access import plan as access
from pcare_cli.topic_plan import PlanError, read_plan
from pcare_cli.topics import check


class KafkaLooks:
    """Brokers, copies, topics, disks, users, groups."""

    def __init__(self, reaching: Reaching) -> None:
        self._reaching = reaching
        self._settings = reaching.settings
        self._options = reaching.options

    def looks(self) -> list[Look]:
        """Return them all."""
        seconds, there = self._reaching.wanted.seconds, self._reaching.with_kafka
        return [
            Look(kafka_rules.ANSWERS, self._itself, seconds),
            Look(kafka_rules.TOPICS, there(self._topics), seconds),
            Look(kafka_rules.DISKS, there(self._disks), seconds),
            Look(kafka_rules.ACCESS, there(self._access), seconds),
            Look(kafka_rules.GROUPS, there(self._groups), seconds),
        ]

    async def _itself(self) -> list[Finding]:
        trouble = await self._reaching.kafka_trouble()
        if trouble is not None:
            return [trouble]
        return kafka_rules.of_layout(await with_admin(self._options, kafka_reading.layout))

    async def _topics(self) -> list[Finding]:
        file = self._reaching.wanted.topics
        try:
            plan = read_plan(file) if file else read_plan()
        except PlanError as error:
            raise UnseenError(str(error), "Name the file by --topics-file.") from error

        def look(admin: Any) -> list[Finding]:
            if not kafka_reading.may_see_settings(admin):
                raise UnseenError("this user of Kafka may not see how topics are kept", "Look as its administrator.")
            return kafka_rules.of_topics(check(admin, plan))

        return await with_admin(self._options, look)

    async def _disks(self) -> list[Finding]:
        return kafka_rules.of_disks(await with_admin(self._options, kafka_reading.disks))

    async def _access(self) -> list[Finding]:
        if not self._settings.kafka_security_protocol.startswith("SASL"):
            raise UnseenError("these brokers do not ask who comes", "docs/kafka-access.md says how they would.")
        file = self._reaching.wanted.access
        try:
            plan = access.read_plan(file) if file else access.read_plan()
        except access.AccessPlanError as error:
            raise UnseenError(str(error), "Name the file by --access-file.") from error
        users, everybody = await with_admin(self._options, lambda admin: cluster.Cluster(admin).look())
        return kafka_rules.of_access(drift.of_services(plan, users, everybody, cluster.MECHANISM))

    async def _groups(self) -> list[Finding]:
        services = {self._settings.recorder_group: "the recorder", self._settings.kpi_group: "the kpi-aggregator"}
        groups = await with_admin(self._options, lambda admin: kafka_reading.groups(admin, list(services)))
        return kafka_rules.of_groups((group, services[group.name]) for group in groups)
