"""A request that is turned away at the gate."""

from collections.abc import Mapping

from pcare_ingest.problems import EdgeProblem


class RefusedError(Exception):
    """The request is not served: `trouble` is what to answer, `headers` go with it. Nothing of it was taken in."""

    def __init__(self, trouble: EdgeProblem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble
        self.headers = dict(headers or {})
