"""What depends on PCARE_INGEST_CREDENTIALS: who may call, where tokens are given, and rules that follow the register.

`open`: anyone may speak for any provider; where a database is named, its register counts for what is judged.
`register`: by credentials, and nobody is let in while it is not known whose they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute, Route

from pcare_common import metrics
from pcare_common.clock import Clock
from pcare_common.errors import OperatorError
from pcare_common.health import Probe, always_well
from pcare_ingest import token_keys
from pcare_ingest.access_tokens import AccessTokens
from pcare_ingest.caller_settings import TOKEN_PATH
from pcare_ingest.callers import Callers, OpenCallers
from pcare_ingest.failures import Failures
from pcare_ingest.knowledge import Knowledge
from pcare_ingest.rate_limit import Granted
from pcare_ingest.register_callers import RegisterCallers
from pcare_ingest.register_reader import RegisterReader
from pcare_ingest.settings import IngestSettings
from pcare_ingest.token_endpoint import TokenEndpoint
from pcare_ingest.token_keys import TokenKeys
from pcare_schemas.rules import Rules


@dataclass(frozen=True, slots=True)
class Credentials:
    """How callers are known. `rules` returns the current ones; `reader` keeps them so, where there is a database."""

    callers: Callers
    rules: Callable[[], Rules]
    routes: Sequence[BaseRoute] = ()
    health: Probe = always_well
    reader: RegisterReader | None = None

    @property
    def asked(self) -> bool:
        """Whether a credential is asked for."""
        return bool(self.routes)


def credentials(configured: IngestSettings, rules: Rules, clock: Clock, registry: CollectorRegistry) -> Credentials:
    """Return what the settings ask for. `rules` are those of the files.

    Raises OperatorError when something that credentials need is missing, or the keys that sign tokens cannot be read.
    """
    knowledge = Knowledge(rules, clock, stale=configured.ingest_register_stale)
    reader = None
    if configured.postgres_dsn is not None:
        metrics.gauge("pcare_ingest_register_age_seconds", registry).set_function(knowledge.age)
        reader = RegisterReader(
            configured.postgres_dsn.get_secret_value(),
            rules,
            knowledge,
            poll=configured.ingest_register_poll,
            granted=Granted(configured.ingest_events_per_second, configured.ingest_burst_seconds),
        )
    if configured.ingest_credentials == "open":
        return Credentials(OpenCallers(), lambda: knowledge.rules, reader=reader)
    if configured.ingest_token_key_file is None or reader is None:  # the settings see to it; never fall back to open
        raise OperatorError(
            "PCARE_INGEST_CREDENTIALS=register needs PCARE_POSTGRES_DSN, and PCARE_INGEST_TOKEN_KEY_FILE: `pcare keys "
            "token FILE` makes it."
        )
    keys = token_keys.read(configured.ingest_token_key_file)
    return by_register(configured, knowledge, keys, clock=clock, registry=registry, reader=reader)


def by_register(
    configured: IngestSettings,
    knowledge: Knowledge,
    keys: TokenKeys,
    *,
    clock: Clock,
    registry: CollectorRegistry,
    reader: RegisterReader | None = None,
) -> Credentials:
    """Return credentials as `knowledge` has them."""
    refused = metrics.counter("pcare_ingest_callers_refused_total", registry)
    failures = Failures(lambda kind: refused.labels(kind).inc(), clock)
    tokens = AccessTokens(keys, seconds=configured.ingest_token_seconds)
    endpoint = TokenEndpoint(
        knowledge,
        tokens,
        failures,
        metrics.counter("pcare_ingest_tokens_total", registry),
        clock,
        audiences=configured.token_urls,
        read_within=configured.ingest_read_within_seconds,
    )
    return Credentials(
        RegisterCallers(knowledge, tokens, failures, clock),
        lambda: knowledge.rules,
        [Route(TOKEN_PATH, endpoint, methods=["POST"])],
        knowledge.health,
        reader,
    )
