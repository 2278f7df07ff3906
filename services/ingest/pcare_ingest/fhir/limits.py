"""How large a request to POST /fhir may be."""

from typing import Final

from pcare_ingest.limits import MAX_BATCH_EVENTS, MAX_EVENT_BYTES

MAX_ENTRIES: Final = MAX_BATCH_EVENTS
MAX_BYTES: Final = 4 * 1024 * 1024
"""Half of what a batch of events may have: a resource is taken apart before it is judged."""

MAX_RESOURCE_BYTES: Final = MAX_EVENT_BYTES
"""A resource is held against R4 in one go, while nobody else gets a turn: so it is as large as an event may be."""

MAX_VALUES: Final = 10_000
"""Values in a resource, those inside of others too: what is held against R4 one by one."""

MAX_ITEMS: Final = 256
"""Items of a list. What refers and what is referred to multiply: a list of references by one of identifiers."""

MAX_REFERENCE: Final = 2048
"""Characters of a reference and of a fullUrl. Both are taken apart, and looked up, as often as something refers."""

APART: Final = 3
"""How many times its bytes a body takes in hand beside them, for what it is while it is taken apart. With the bytes
themselves, the largest body is then no more than the settings grant at least."""
