"""What a new user is told: where, as whom, and the settings of its client. Pure text.

The settings leave the password out, so that they can travel by another way than it does.
"""

from dataclasses import dataclass

from pcare_cli.kafka_access.cluster import MECHANISM

PASSWORD_HERE = "THE-PASSWORD"  # noqa: S105 - what stands in its place
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Address:
    """How clients reach the brokers; and who signed their certificates, if nobody known: its PEM text, and the file."""

    servers: str
    authority: str | None = None
    authority_file: str | None = None


def for_service(name: str, address: Address) -> str:
    """Return the environment of a service that logs in as `name`."""
    lines = [
        f"PCARE_KAFKA_BOOTSTRAP_SERVERS={address.servers}",
        "PCARE_KAFKA_SECURITY_PROTOCOL=SASL_SSL",
        f"PCARE_KAFKA_SASL_MECHANISM={MECHANISM}",
        f"PCARE_KAFKA_SASL_USERNAME={name}",
        f"PCARE_KAFKA_SASL_PASSWORD={PASSWORD_HERE}",
        *([f"PCARE_KAFKA_SSL_CAFILE={address.authority_file}"] if address.authority_file else []),
    ]
    return _block("Its environment:", lines)


def for_provider(name: str, topic: str, address: Address) -> str:
    """Return what a provider is sent beside its password."""
    parts = [
        _block(
            "What it is sent (the page docs/send-by-kafka.md says what to do with it):",
            [
                f"bootstrap servers  {address.servers}",
                f"security           SASL_SSL, {MECHANISM}",
                f"topic              {topic}",
                f"user               {name}",
                "password           by another way than the rest",
            ],
        ),
        _block("Settings for kafka-python:", _kafka_python(name, address)),
        _block("Settings for Java (client.properties):", _java(name, address)),
        _block("Settings for confluent-kafka and other clients made of librdkafka:", _librdkafka(name, address)),
    ]
    if address.authority:
        parts.append(_block("The brokers' authority, for a file ca.pem:", address.authority.strip().splitlines()))
    return "\n".join(parts)


def _kafka_python(name: str, address: Address) -> list[str]:
    return [
        f'bootstrap_servers="{address.servers}", security_protocol="SASL_SSL", sasl_mechanism="{MECHANISM}",',
        f'sasl_plain_username="{name}", sasl_plain_password="{PASSWORD_HERE}",',
        *(['ssl_cafile="ca.pem",'] if address.authority else []),
        'acks="all", enable_idempotence=True',
    ]


def _java(name: str, address: Address) -> list[str]:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return [
        f"bootstrap.servers={address.servers}",
        "security.protocol=SASL_SSL",
        f"sasl.mechanism={MECHANISM}",
        f'sasl.jaas.config={login} required username="{name}" password="{PASSWORD_HERE}";',
        *(["ssl.truststore.type=PEM", "ssl.truststore.location=ca.pem"] if address.authority else []),
        "acks=all",
        "enable.idempotence=true",
    ]


def _librdkafka(name: str, address: Address) -> list[str]:
    return [
        f"bootstrap.servers={address.servers}",
        "security.protocol=SASL_SSL",
        f"sasl.mechanism={MECHANISM}",
        f"sasl.username={name}",
        f"sasl.password={PASSWORD_HERE}",
        *(["ssl.ca.location=ca.pem"] if address.authority else []),
        "acks=all",
        "enable.idempotence=true",
        # its own choice of partition is another one than Kafka's
        "partitioner=murmur2_random",
    ]


def _block(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"{_INDENT}{line}" for line in lines), ""])
