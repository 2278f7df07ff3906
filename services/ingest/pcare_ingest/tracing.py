"""How a request is followed to Kafka, said without OpenTelemetry; and how nothing is followed: by doing nothing."""

from typing import TYPE_CHECKING, Protocol

from starlette.types import ASGIApp

from pcare_ingest.publishing import Publisher

if TYPE_CHECKING:
    from pcare_common.tracing.exporting import Tracing


class Following(Protocol):
    """Sees requests come in, and what is published of them go out. It changes no event and no answer."""

    def application(self, app: ASGIApp) -> ASGIApp:
        """Return what stands in front of the application."""
        ...

    def publisher(self, publisher: Publisher) -> Publisher:
        """Return what stands in front of the publisher."""
        ...


class _NotFollowed:
    def application(self, app: ASGIApp) -> ASGIApp:
        return app

    def publisher(self, publisher: Publisher) -> Publisher:
        return publisher


NOT_FOLLOWED: Following = _NotFollowed()
"""Nothing stands anywhere, so that tracing costs nothing while it is off."""


def following_of(tracing: "Tracing | None") -> Following:
    """Return what follows requests with this tracing."""
    if tracing is None:
        return NOT_FOLLOWED
    from pcare_ingest.request_spans import RequestSpans  # noqa: PLC0415 - off, it costs not even the import

    return RequestSpans(tracing.tracer)
