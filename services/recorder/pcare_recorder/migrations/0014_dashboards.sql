-- What Grafana shows of the database: the schema dashboards, of views alone (role pcare_grafana). Whoever may look at a
-- dashboard may send its data source any query of their own. So nothing here tells of a person: no subject, no pseudonym,
-- no id of an event, no text that anybody typed. Counts of messages are exact, because they have to add up; counts of what
-- happened to people pass disclosure control (docs/analyse.md), and a delay is that of at least eight events.

CREATE SCHEMA IF NOT EXISTS dashboards;
COMMENT ON SCHEMA dashboards IS 'What Grafana reads (role pcare_grafana): see docs/grafana.md.';

-- Rows arrive in the order of time, so the days that a dashboard leaves out are passed over by the block.
CREATE INDEX interventions_arrived ON pcare.interventions
USING brin (((recorded_at AT TIME ZONE 'Europe/London')::date)) WITH (pages_per_range = 32, autosummarize = on);

-- ---- one organisation

CREATE VIEW dashboards.providers AS
SELECT
    p.code AS provider,
    coalesce(p.name, p.code) AS name,
    p.kind,
    r.source IS NOT NULL AS by_command,
    r.valid_from,
    r.valid_to,
    cardinality(r.kinds) AS kinds_allowed,
    r.events_per_second
FROM pcare.providers AS p LEFT JOIN pcare.register AS r ON r.source = p.source;
COMMENT ON VIEW dashboards.providers IS 'Every organisation of the register, and every one that an event is recorded of.';
COMMENT ON COLUMN dashboards.providers.by_command IS 'Registered by `pcare providers`; else by a file.';
COMMENT ON COLUMN dashboards.providers.kinds_allowed IS 'How many kinds of event it may send; null: all.';

CREATE VIEW dashboards.credentials AS
SELECT p.code AS provider, c.form, c.valid_from, c.expires_at, c.revoked_at
FROM pcare.credentials AS c JOIN pcare.providers AS p ON p.source = c.source;
COMMENT ON VIEW dashboards.credentials IS 'By what organisations prove who they are, without anything that proves it.';

-- The latest is nearly always of today, and then nothing else is read; COALESCE asks no further than it has to.
CREATE VIEW dashboards.last_heard AS
SELECT
    p.code AS provider,
    coalesce(
        (
            SELECT max(i.recorded_at) FROM pcare.interventions AS i
            WHERE i.source = p.source
              AND (i.recorded_at AT TIME ZONE 'Europe/London')::date >= (now() AT TIME ZONE 'Europe/London')::date - 1
        ),
        (
            SELECT max(i.recorded_at) FROM pcare.interventions AS i
            WHERE i.source = p.source
              AND (i.recorded_at AT TIME ZONE 'Europe/London')::date >= (now() AT TIME ZONE 'Europe/London')::date - 31
        ),
        (SELECT max(i.recorded_at) FROM pcare.interventions AS i WHERE i.source = p.source)
    ) AS recorded_at,
    greatest(
        (
            SELECT max(r.received_at) FROM pcare.rejections AS r
            WHERE coalesce(r.sender, r.source) = lower(p.code) COLLATE "default"
        ),
        (
            SELECT max(r.received_at) FROM pcare.rejections AS r
            WHERE coalesce(r.sender, r.source) = p.source COLLATE "default"
        )
    ) AS refused_at
FROM pcare.providers AS p;
COMMENT ON VIEW dashboards.last_heard IS 'When an organisation''s last event was recorded, and when its last one was refused.';

CREATE VIEW dashboards.recorded_by_day AS
SELECT
    p.code AS provider,
    i.day,
    i.day::timestamp AT TIME ZONE 'Europe/London' AS "time",
    count(*) AS events
FROM (SELECT source, (recorded_at AT TIME ZONE 'Europe/London')::date AS day FROM pcare.interventions) AS i
JOIN pcare.providers AS p ON p.source = i.source
GROUP BY p.code, i.day;
COMMENT ON VIEW dashboards.recorded_by_day IS 'Events recorded, by organisation and by the day on which they arrived, in London.';

-- Security barriers, so that no function of its reader is called for a row that is not told by itself.
CREATE VIEW dashboards.delay_by_day WITH (security_barrier = true) AS
SELECT
    p.code AS provider,
    i.day,
    i.day::timestamp AT TIME ZONE 'Europe/London' AS "time",
    percentile_cont(0.5) WITHIN GROUP (ORDER BY i.seconds) AS median_seconds,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY i.seconds) AS slowest_seconds
FROM (
    SELECT
        source,
        (recorded_at AT TIME ZONE 'Europe/London')::date AS day,
        extract(epoch FROM recorded_at - occurred_at)::double precision AS seconds
    FROM pcare.interventions
) AS i
JOIN pcare.providers AS p ON p.source = i.source
GROUP BY p.code, i.day
HAVING count(*) >= 8;
COMMENT ON VIEW dashboards.delay_by_day IS
    'How long after it happened an event arrived: the middle one, and the one that 95 of 100 were faster than. From eight events on.';

CREATE VIEW dashboards.kinds_by_month WITH (security_barrier = true) AS
SELECT
    p.code AS provider,
    i.month,
    i.kind,
    CASE WHEN count(*) >= 8 THEN (round(count(*) / 5.0) * 5)::bigint END AS events
FROM pcare.interventions AS i
JOIN pcare.providers AS p ON p.source = i.source
GROUP BY p.code, i.month, i.kind;
COMMENT ON VIEW dashboards.kinds_by_month IS 'Events recorded, by organisation, by kind, and by the month in which they happened.';
COMMENT ON COLUMN dashboards.kinds_by_month.events IS 'Null is 1 to 7; else rounded to the nearest 5.';

-- Whose a rejection is: as in edge.rejected and desk.rejections. An index is of use to its own collation only.
CREATE VIEW dashboards.refused_by_day AS
SELECT
    o.provider,
    r.day,
    r.day::timestamp AT TIME ZONE 'Europe/London' AS "time",
    r.reason,
    count(*) AS events,
    count(*) FILTER (
        -- where the id is another event's, that says nothing
        WHERE r.reason <> 'id_reused' AND EXISTS (
            SELECT FROM pcare.interventions AS i WHERE i.source = r.source COLLATE "C" AND i.id = r.id COLLATE "C"
        )
    ) AS recorded_since
FROM (
    SELECT p.code AS provider, lower(p.code) COLLATE "default" AS owner FROM pcare.providers AS p
    UNION
    SELECT p.code, p.source COLLATE "default" FROM pcare.providers AS p
) AS o
JOIN (
    SELECT
        coalesce(sender, source) AS owner, source, id, reason,
        (received_at AT TIME ZONE 'Europe/London')::date AS day
    FROM pcare.rejections
) AS r ON r.owner = o.owner
GROUP BY o.provider, r.day, r.reason;
COMMENT ON VIEW dashboards.refused_by_day IS
    'Events refused by the recorder, by organisation, day of arrival in London, and reason. Those of nobody known are not here.';
COMMENT ON COLUMN dashboards.refused_by_day.recorded_since IS 'Of these, the same event was right when it was sent again.';

-- ---- the record

CREATE VIEW dashboards.cursors AS
SELECT
    c.topic, c.partition, c.base_offset, c.next_offset, c.recorded, c.duplicates, c.rejected,
    c.next_offset - c.base_offset - c.recorded - c.duplicates - c.rejected AS other
FROM pcare.cursors AS c;
COMMENT ON COLUMN dashboards.cursors.other IS 'Offsets that were no events: control records, gaps that somebody accepted.';

CREATE VIEW dashboards.rows_and_cursors AS
SELECT
    (SELECT count(*) FROM pcare.interventions) AS recorded_rows,
    (SELECT count(*) FROM pcare.rejections) AS refused_rows,
    coalesce(sum(c.recorded), 0)::bigint AS recorded_by_cursors,
    coalesce(sum(c.rejected), 0)::bigint AS refused_by_cursors,
    coalesce(sum(c.duplicates), 0)::bigint AS duplicates_by_cursors
FROM pcare.cursors AS c;
COMMENT ON VIEW dashboards.rows_and_cursors IS 'What the tables hold, and what the cursors say that they hold, at one instant.';

CREATE VIEW dashboards.acts AS
SELECT a.number, a.at, (a.at AT TIME ZONE 'Europe/London')::date AS day, a.what, a.login FROM pcare.acts AS a;
COMMENT ON VIEW dashboards.acts IS 'What people did by command. Who they said they were and why is theirs to tell: `pcare.acts`.';

CREATE VIEW dashboards.by_hand AS
SELECT
    (SELECT count(*) FROM pcare.redrives) AS redrives,
    (
        SELECT count(*) FROM pcare.redrives AS d
        WHERE NOT EXISTS (SELECT FROM pcare.redrive_arrivals AS a WHERE a.redrive = d.number)
    ) AS redrives_interrupted,
    (SELECT coalesce(sum(g.last_offset - g.first_offset + 1), 0)::bigint FROM pcare.gaps AS g) AS offsets_lost,
    (SELECT count(*) FROM pcare.breaker_releases) AS breaker_releases,
    (SELECT count(*) FROM pcare.merges AS m WHERE m.published_at IS NULL) AS merges_unpublished;
COMMENT ON VIEW dashboards.by_hand IS 'How often people decided about the record, and what of that is not finished.';

CREATE VIEW dashboards.migrations AS
SELECT m.number, m.name, m.applied_at FROM pcare.schema_migrations AS m;
