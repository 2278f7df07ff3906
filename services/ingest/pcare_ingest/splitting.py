"""Taking a batch apart without touching a byte of its events."""

import msgspec

from pcare_schemas.rejections import FieldError, Reason, Rejection, rejection

_EVENTS = msgspec.json.Decoder(list[msgspec.Raw])
_EXPECTED = "a JSON array of events: [{...}, {...}]"


def split(body: bytes) -> list[bytes] | Rejection:
    """Return the events of a batch, each as the bytes that it came in, or why this is no batch.

    Whether each is an event is not judged here.
    """
    try:
        return [bytes(event) for event in _EVENTS.decode(body)]
    except msgspec.ValidationError:
        message = "This is JSON, but not an array. Send a single event as application/cloudevents+json."
    except msgspec.DecodeError as error:
        message = f"This is not JSON: {_fault(error)}."
    except RecursionError:
        message = "This is nested too deeply to be events."
    return rejection(None, Reason.not_json, FieldError("", message, _EXPECTED))


def _fault(error: msgspec.DecodeError) -> str:
    """Return the parser's words, which name a place and never repeat what stands there."""
    return str(error).removeprefix("JSON is malformed: ").rstrip(".")
