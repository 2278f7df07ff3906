"""From a request to the events in it: whatever form they come in, each as the bytes of one structured document."""

from dataclasses import dataclass, field

from starlette.types import Receive, Scope

from pcare_ingest import binary, body, heads, inflating, problems
from pcare_ingest.admission import Hold, OverloadedError
from pcare_ingest.body import TooLargeError, TooSlowError
from pcare_ingest.limits import MAX_BATCH_EVENTS
from pcare_ingest.media_types import Form
from pcare_ingest.refusal import RefusedError
from pcare_ingest.splitting import split
from pcare_schemas.rejections import MAX_EVENT_BYTES, FieldError, Reason, Rejection, rejection

PLAIN = "identity"
GZIP = frozenset({"gzip", "x-gzip"})


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a request holds. `against` is why its body is not even taken apart; there are no events then."""

    batch: bool
    minimal: bool
    """Whether the sender wants no more of an answer than is needed."""
    events: list[bytes] = field(default_factory=list)
    against: Rejection | None = None


async def take(scope: Scope, receive: Receive, hold: Hold, *, within: float) -> Incoming:
    """Read a request, and return the events in it; they and their bytes are in `hold`.

    The body has `within` seconds to come. Raises RefusedError, and DisconnectedError where nobody waits any more.
    """
    head = heads.read(scope["headers"])
    form = head.form
    if form is None:
        raise RefusedError(problems.UNSUPPORTED_MEDIA_TYPE)
    if head.content_encoding != PLAIN and head.content_encoding not in GZIP:
        raise RefusedError(problems.UNSUPPORTED_ENCODING)
    if form is Form.BATCH and head.attributes:
        raise RefusedError(problems.MIXED_MODES)
    try:
        sent = await body.read(scope, receive, limit=form.max_bytes, within=within, hold=hold)
        if head.content_encoding != PLAIN:
            sent = await inflating.inflate(sent, limit=form.max_bytes, hold=hold)
        return _apart(form, head, sent, hold)
    except TooLargeError as error:
        if form is Form.BATCH:
            raise RefusedError(problems.BATCH_TOO_LARGE) from None
        return Incoming(batch=False, minimal=head.minimal, against=_too_large(error.declared))
    except inflating.NotGzipError as error:
        raise RefusedError(problems.NOT_GZIP.saying(f"Of this body: {error}. {problems.NOT_GZIP.detail}")) from None
    except TooSlowError:
        raise RefusedError(problems.TOO_SLOW, {"Connection": "close"}) from None
    except OverloadedError:
        raise RefusedError(problems.OVERLOADED) from None


def _apart(form: Form, head: heads.Head, sent: bytes, hold: Hold) -> Incoming:
    if form is Form.BATCH:
        events = split(sent)
        if isinstance(events, Rejection):
            return Incoming(batch=False, minimal=head.minimal, against=events)
        if len(events) > MAX_BATCH_EVENTS:
            raise RefusedError(problems.BATCH_TOO_LARGE)
        hold.take(events=len(events))
        return Incoming(batch=True, minimal=head.minimal, events=events)
    hold.take(events=1)
    event: bytes | Rejection = sent
    if form is Form.BINARY:
        event = binary.as_structured(head.attributes, sent)
    elif head.attributes:
        event = binary.contradicted(head.attributes, sent) or sent
    if isinstance(event, Rejection):
        return Incoming(batch=False, minimal=head.minimal, against=event)
    return Incoming(batch=False, minimal=head.minimal, events=[event])


def _too_large(declared: int | None) -> Rejection:
    size = "too many bytes" if declared is None else f"{declared} bytes"
    error = FieldError("", f"The event has {size}.", f"at most {MAX_EVENT_BYTES} bytes")
    return rejection(None, Reason.too_large, error)
