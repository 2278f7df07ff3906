"""How large a request may be. Advertised in the OpenAPI document and in every answer that refers to a limit."""

from typing import Final

from pcare_schemas.rejections import MAX_EVENT_BYTES

MAX_BATCH_EVENTS: Final = 1_000
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
MAX_NUMBERS: Final = 1_000
"""NHS numbers that pseudonyms are given for in one request."""
MAX_NUMBERS_BYTES: Final = 64 * 1024

__all__ = ["MAX_BATCH_BYTES", "MAX_BATCH_EVENTS", "MAX_EVENT_BYTES", "MAX_NUMBERS", "MAX_NUMBERS_BYTES"]
