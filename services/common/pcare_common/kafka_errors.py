"""What an error of Kafka means: the one place that tells its kinds apart, for every service and tool.

Errors that a broker answers with are told by their number, which is Kafka's own and the same in aiokafka (the
services) and kafka-python (the tools); those that the clients make up themselves, by the name of their class. So
this module needs neither library. What is neither transient nor refused is a mistake of ours.
"""

from enum import Enum


class Refusal(Enum):
    """What brokers refuse until somebody acts. The value says what to do."""

    CREDENTIALS = (
        "Check PCARE_KAFKA_SECURITY_PROTOCOL, PCARE_KAFKA_SASL_MECHANISM, PCARE_KAFKA_SASL_USERNAME and its password"
    )
    CERTIFICATE = (
        "The brokers' certificate is not trusted, or not for this name: PCARE_KAFKA_SSL_CAFILE must name the authority "
        "that signed it, and PCARE_KAFKA_BOOTSTRAP_SERVERS the names that stand in it"
    )
    PERMISSIONS = (
        "Check PCARE_KAFKA_SASL_USERNAME, and what this user may do: `pcare kafka check` compares it with the plan"
    )
    AUTHORIZER = (
        "The brokers check nobody's permissions, so there are none to change: set authorizer.class.name on them, see "
        "docs/kafka-access.md"
    )
    SIZE = "The topic takes smaller records than are written here: compare it with `pcare topics check`"
    POLICY = "A rule of the cluster forbids it: ask whoever runs the brokers, and compare with `pcare topics check`"
    VERSION = "The brokers are too old or too new for this release: compare its clients with their version"
    SESSION = "The brokers allow no such session: compare the service's ..._SESSION_SECONDS with their group.*.timeout"
    GROUP = "Somebody else's consumers are in the group: stop them, or set another name in the service's ..._GROUP"
    COPIES = "Fewer brokers are there than copies are asked for: start the missing ones, then do it again"
    CONNECTION = (
        "The settings of the connection contradict each other or the brokers': compare PCARE_KAFKA_SECURITY_PROTOCOL "
        "and the other PCARE_KAFKA_* with docs/settings.md, and with the brokers' listener"
    )


# Not "retriable" in the clients' sense (the request is not to be sent again as it is), but beginning again helps.
_TRANSIENT_CODES = frozenset(
    {
        -1,  # unknown: what a broker says of its own trouble
        1,  # offset out of range: beginning again looks at the log's start and end
        2,  # corrupt: a transmission was damaged; damage on the disk keeps failing and shows as lag
        8,  # broker not available
        9,  # replica not available
        11,  # stale controller epoch
        13,  # stale leader epoch, or the network
        22,  # illegal generation: the group rebalanced
        25,  # unknown member: the group went on without us
        27,  # rebalance in progress
        51,  # another transaction of the same producer is about to end
        60,  # partitions are being moved
        70,  # a fetch session that the broker forgot, as after its restart
        71,
        72,  # a listener that is not up yet
        77,  # a broker that was restarted
        79,  # the group gives a member id, and wants to be asked with it
        89,  # throttled
        110,  # the group went on without us
        113,
    }
)
_TRANSIENT_NAMES = frozenset(
    {
        "KafkaTimeoutError",
        "KafkaUnavailableError",
        "CommitFailedError",  # the group rebalanced
        "IllegalStateError",  # the partition was taken away between two calls
        "KafkaProtocolError",  # an answer that does not read
        "InvalidReceiveError",
        "UnknownBrokerIdError",  # the brokers changed
        "QuotaViolationError",
    }
)

_REFUSED_CODES = {
    10: Refusal.SIZE,
    18: Refusal.SIZE,
    23: Refusal.GROUP,
    24: Refusal.GROUP,
    26: Refusal.SESSION,
    29: Refusal.PERMISSIONS,
    30: Refusal.PERMISSIONS,
    31: Refusal.PERMISSIONS,
    33: Refusal.CREDENTIALS,
    34: Refusal.CREDENTIALS,
    35: Refusal.VERSION,
    38: Refusal.COPIES,
    40: Refusal.POLICY,
    43: Refusal.VERSION,
    44: Refusal.POLICY,
    53: Refusal.PERMISSIONS,
    54: Refusal.AUTHORIZER,
    58: Refusal.CREDENTIALS,
    65: Refusal.PERMISSIONS,
    66: Refusal.CREDENTIALS,
    73: Refusal.POLICY,
    76: Refusal.VERSION,
    81: Refusal.GROUP,
    93: Refusal.CREDENTIALS,
}
_REFUSED_NAMES = {
    "AuthenticationFailedError": Refusal.CREDENTIALS,
    "AuthenticationMethodNotSupported": Refusal.CREDENTIALS,
    "AuthorizationError": Refusal.PERMISSIONS,
    "RecordTooLargeError": Refusal.SIZE,
    "UnsupportedCodecError": Refusal.VERSION,
    "UnrecognizedBrokerVersion": Refusal.VERSION,
    "IncompatibleBrokerVersion": Refusal.VERSION,
    "KafkaConfigurationError": Refusal.CONNECTION,
}


def is_transient(error: Exception) -> bool:
    """Whether `error`, a KafkaError of either library, passes by itself: back off and begin again."""
    return (
        bool(getattr(error, "retriable", False))
        or getattr(error, "errno", None) in _TRANSIENT_CODES
        or type(error).__name__ in _TRANSIENT_NAMES
    )


def refusal(error: Exception) -> Refusal | None:
    """Return what Kafka refuses until somebody acts, or None where `error` is transient or a mistake of ours."""
    if is_transient(error):
        return None
    number = getattr(error, "errno", None)
    by_number = _REFUSED_CODES.get(number) if isinstance(number, int) else None
    return by_number or _REFUSED_NAMES.get(type(error).__name__)


def in_words(error: Exception) -> str:
    """Return the error in one line: its class, and what it says beyond that."""
    name, words = type(error).__name__, str(error)
    return words if name in words else f"{name}: {words}".removesuffix(": ")
