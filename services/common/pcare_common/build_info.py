"""Which release a copy is of, and by which rules it judges: so that somebody can see that all are the same."""

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from pcare_common.metrics import gauge_family


def show(registry: CollectorRegistry, package: str, rules: Callable[[], str] = lambda: "") -> None:
    """Add `pcare_build_info` to a registry. `rules` is asked at each scrape: they change with the provider register."""
    registry.register(_BuildInfo(_version(package), rules))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a directory that nobody installed
        return "unknown"


class _BuildInfo(Collector):
    def __init__(self, release: str, rules: Callable[[], str]) -> None:
        self._release = release
        self._rules = rules

    def collect(self) -> Iterable[Metric]:
        family = gauge_family("pcare_build_info")
        family.add_metric([self._release, self._rules()], 1)
        yield family
