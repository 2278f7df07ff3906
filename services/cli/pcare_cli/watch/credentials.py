"""The look at what grows old: the pseudonym key, and the credentials of providers."""

import re
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from pcare_cli.watch.database import Database
from pcare_common import metrics

SHOWN_AT_MOST = 1000

# The key by which persons are told apart came into use when it was made by a rotation, else with the first link there
# is. That one is the first of its partition, which an index finds.
_KEY = """
SELECT coalesce(k.anchor, split_part(f.pseudonym, ':', 2)) AS key, coalesce(made.at, f.linked_at) AS began
FROM pcare.pseudonym_key AS k
LEFT JOIN LATERAL (
    SELECT max(a.at) AS at FROM pcare.acts AS a WHERE a.what = 'keys-rotated' AND a.details ->> 'to' = k.anchor
) AS made ON true
LEFT JOIN LATERAL (
    SELECT l.pseudonym, l.linked_at
    FROM pcare.cursors AS c
    CROSS JOIN LATERAL (
        SELECT s.pseudonym, s.linked_at FROM pcare.subjects AS s
        WHERE s.origin_topic = c.topic AND s.origin_partition = c.partition ORDER BY s.origin_offset LIMIT 1
    ) AS l
    ORDER BY l.linked_at LIMIT 1
) AS f ON true
WHERE coalesce(made.at, f.linked_at) IS NOT NULL
"""
# what ended a week ago is either missed by now, or by nobody
_CREDENTIALS = """
SELECT source, id, valid_from, expires_at FROM pcare.credentials
WHERE revoked_at IS NULL AND coalesce(expires_at > clock_timestamp() - interval '7 days', true)
ORDER BY expires_at NULLS LAST, valid_from LIMIT $1
"""


@dataclass
class Credentials:
    """Shows since when the key is in use, and when credentials were made and end."""

    database: Database

    def register(self, registry: CollectorRegistry) -> "Credentials":
        """Make its metrics."""
        self._key = metrics.gauge("pcare_watch_pseudonym_key_began_seconds", registry)
        self._made = metrics.gauge("pcare_watch_credential_made_seconds", registry)
        self._ends = metrics.gauge("pcare_watch_credential_ends_seconds", registry)
        return self

    async def look(self) -> None:
        """Look once. Raises what asyncpg raises."""
        async with self.database.connection() as connection:
            keys = await connection.fetch(_KEY)
            credentials = await connection.fetch(_CREDENTIALS, SHOWN_AT_MOST)
        for gauge in (self._key, self._made, self._ends):
            gauge.clear()
        for row in keys:
            self._key.labels(row["key"]).set(row["began"].timestamp())
        for row in credentials:
            labels = re.split("[/:]", row["source"])[-1], row["id"]
            self._made.labels(*labels).set(row["valid_from"].timestamp())
            if row["expires_at"] is not None:
                self._ends.labels(*labels).set(row["expires_at"].timestamp())
