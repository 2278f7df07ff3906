-- The KPIs of the catalogue, from the recorded rows alone and for a stated instant: no clock is read.
-- Written from the rules of docs/kpis.md, not from the program that streams the same numbers, so that an error in
-- either one shows. A function a kind of rule: what the catalogue adds is counted here with no code.
--
-- The texts that a function returns have the database's own collation, whatever their columns have. So the order of
-- facts says COLLATE "C", and so does what a partial index has to recognise.

-- ---- What the rules go by, filled by `python -m pcare_recorder.migrate`

CREATE TABLE pcare.code_list (
    list        text    NOT NULL,
    code        text    NOT NULL,
    position    integer NOT NULL,
    name        text    NOT NULL,
    area        text,
    valid_from  date,
    valid_to    date,
    successor   text,
    PRIMARY KEY (list, code)
);
COMMENT ON TABLE pcare.code_list IS 'The code lists of this release. `area` is the priority area of a situation.';

CREATE TABLE pcare.kpi_catalogue (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version     text    NOT NULL,
    document    jsonb   NOT NULL
);
COMMENT ON TABLE pcare.kpi_catalogue IS 'The one catalogue in force, as the last migration found it.';

CREATE TABLE pcare.kpi_targets (
    kpi     text    NOT NULL,
    area    text    NOT NULL,
    year    text    NOT NULL,
    value   numeric NOT NULL,
    note    text,
    PRIMARY KEY (kpi, area, year)
);
COMMENT ON TABLE pcare.kpi_targets IS 'The target of each KPI, area (NCL or GSS code) and financial year that has one.';

CREATE FUNCTION pcare.stored_catalogue() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT document FROM pcare.kpi_catalogue $$;

-- ---- Facts

DROP FUNCTION pcare.kpi_values(timestamptz, integer, boolean);
DROP FUNCTION pcare.facts();

CREATE FUNCTION pcare.facts(known_at timestamptz DEFAULT NULL) RETURNS TABLE (
    source text, id text, kind text, subject text, occurred_at timestamptz, financial_year text, borough text,
    pcn text, ref_source text, ref text, situation text, starts date, one_off boolean, stated jsonb, details jsonb,
    payload json
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        i.source, i.id, i.kind, i.subject, i.occurred_at, i.financial_year, i.borough,
        i.pcn, i.ref_source, i.ref, i.situation, i.starts, i.one_off,
        jsonb_strip_nulls(jsonb_build_object(
            'borough', i.borough, 'pcn', i.pcn, 'practice', i.practice, 'age_band', i.age_band, 'sex', i.sex,
            'ethnic_category', i.ethnic_category, 'imd_decile', i.imd_decile, 'cohorts', i.cohorts,
            'reasons', i.reasons, 'setting', i.setting, 'situation', i.situation, 'starts', i.starts,
            'one_off', i.one_off, coalesce(pcare.ref_field(i.kind), 'ref'), i.ref
        )),
        coalesce(i.details, '{}'),
        (
            SELECT p.published -> 'data'
            FROM pcare.published AS p
            WHERE p.origin_topic = i.origin_topic AND p.origin_partition = i.origin_partition
              AND p.origin_offset = i.origin_offset
        )
    FROM pcare.interventions AS i
    WHERE i.kind <> 'event-retracted'
      AND (known_at IS NULL OR i.recorded_at < known_at)
      AND NOT EXISTS (
          SELECT FROM pcare.interventions AS retraction
          WHERE retraction.kind = 'event-retracted'
            AND retraction.subject = i.subject
            -- the same as =, but left out of the hash: one text a row is enough to hash
            AND retraction.source IS NOT DISTINCT FROM i.source
            AND retraction.retracts IS NOT DISTINCT FROM i.id
            AND (known_at IS NULL OR retraction.recorded_at < known_at)
      )
$$;
COMMENT ON FUNCTION pcare.facts IS
    'What is recorded (before known_at, if given) and not retracted. A retraction acts if source, subject and id match, whatever its own time. `stated` is what a payload says that has columns, `details` the rest; `payload` is all of it, from the published text, and slow.';

CREATE FUNCTION pcare.is_post(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN kind IN ('link-worker-joined', 'link-worker-left');
COMMENT ON FUNCTION pcare.is_post IS
    'Whether the reference of a kind is the primary care network alone, whoever states it: a link worker''s post.';

CREATE FUNCTION pcare.spread(subject text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(subject, 0);
COMMENT ON FUNCTION pcare.spread IS
    'Stands before a subject where facts are sorted by subject: subjects begin alike and are slow to compare, numbers are not.';

-- ---- Filters: `where` and `given` of a rule

CREATE FUNCTION pcare.texts(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT array_agg(item) FROM jsonb_array_elements_text(list) AS item $$;

CREATE FUNCTION pcare.place_of(kind text, field text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- its column says who gave the reference, also where the payload does not
    WHEN field = 'ref_source' THEN 'payload'
    WHEN field IN (
        'borough', 'pcn', 'practice', 'age_band', 'sex', 'ethnic_category', 'imd_decile', 'cohorts', 'reasons',
        'setting', 'situation', 'starts', 'one_off', coalesce(pcare.ref_field(kind), '')
    ) THEN 'stated'
    ELSE 'details'
END;
COMMENT ON FUNCTION pcare.place_of IS 'Where a fact holds a field of its payload: `stated`, `details`, or only in `payload`.';

CREATE FUNCTION pcare.filter_path(filter jsonb, kind text, place text) RETURNS jsonpath
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT string_agg(condition, ' && ')::jsonpath
    FROM (
        -- One of the values, or an element that is one. A missing field holds nothing, except that false is what the
        -- payloads mean by leaving a flag out.
        SELECT field, format(
            '(%s%s)',
            CASE WHEN wanted.list @> '[false]' THEN format('!exists($.%s) || ', to_json(field)) END,
            (
                SELECT string_agg(format('$.%s[*] == %s', to_json(field), value), ' || ')
                FROM jsonb_array_elements(wanted.list) AS value
            )
        )
        FROM jsonb_each(coalesce(nullif(filter -> 'where', 'null'), '{}')) AS condition (field, given),
             LATERAL (
                 SELECT CASE jsonb_typeof(given) WHEN 'array' THEN given ELSE jsonb_build_array(given) END
             ) AS wanted (list)
        UNION ALL
        SELECT field, format('$.%s.type() != "null"', to_json(field))
        FROM jsonb_array_elements_text(coalesce(nullif(filter -> 'given', 'null'), '[]')) AS field
    ) AS conditions (field, condition)
    WHERE pcare.place_of(kind, field) = place
$$;
COMMENT ON FUNCTION pcare.filter_path IS
    'What the filter of a rule asks of the fields of one place, as a predicate; null where nothing. A plan holds it as a constant.';

CREATE FUNCTION pcare.passes(filter jsonb, kind text, stated jsonb, details jsonb, payload json) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (pcare.filter_path(filter, kind, 'stated') IS NULL OR stated @@ pcare.filter_path(filter, kind, 'stated'))
    AND (pcare.filter_path(filter, kind, 'details') IS NULL OR details @@ pcare.filter_path(filter, kind, 'details'))
    AND (
        pcare.filter_path(filter, kind, 'payload') IS NULL
        OR payload::jsonb @@ pcare.filter_path(filter, kind, 'payload')
    );
COMMENT ON FUNCTION pcare.passes IS
    'Whether a payload passes a filter, both constants of the plan: so only what the filter looks at is read.';

CREATE FUNCTION pcare.facts_of(filter jsonb, known_at timestamptz) RETURNS TABLE (
    subject text, occurred_at timestamptz, source text, id text, financial_year text, borough text, stated jsonb,
    details jsonb, payload json
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        f.subject, f.occurred_at, f.source, f.id, f.financial_year, f.borough, f.stated, f.details, f.payload
    FROM pcare.facts(known_at) AS f
    WHERE f.kind COLLATE "C" = filter ->> 'of'
      AND pcare.passes(filter, filter ->> 'of', f.stated, f.details, f.payload)
$$;
COMMENT ON FUNCTION pcare.facts_of IS 'The facts of a kind that pass; one that does not is as if it were not there.';

CREATE FUNCTION pcare.episodes_of(filter jsonb, which jsonb, known_at timestamptz) RETURNS TABLE (
    subject text, occurred_at timestamptz, source text, id text, financial_year text, borough text, situation text,
    also_passes boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT e.subject, e.occurred_at, e.source, e.id, e.financial_year, e.borough, e.situation, e.also_passes
    FROM (
        SELECT DISTINCT ON (pcare.spread(f.subject), f.subject, known_by.ref_source, known_by.ref)
            f.subject, f.occurred_at, f.source, f.id, f.financial_year, f.borough, f.situation,
            pcare.passes(filter, filter ->> 'of', f.stated, f.details, f.payload) AS passes,
            pcare.passes(which, filter ->> 'of', f.stated, f.details, f.payload) AS also_passes
        FROM pcare.facts(known_at) AS f,
             LATERAL (
                 SELECT
                     CASE WHEN pcare.is_post(filter ->> 'of') THEN '' ELSE f.ref_source END,
                     CASE WHEN pcare.is_post(filter ->> 'of') THEN f.pcn ELSE f.ref END
             ) AS known_by (ref_source, ref)
        WHERE f.kind COLLATE "C" = filter ->> 'of' AND known_by.ref IS NOT NULL
        ORDER BY
            pcare.spread(f.subject), f.subject, known_by.ref_source, known_by.ref, f.occurred_at,
            f.source COLLATE "C", f.id COLLATE "C"
    ) AS e
    WHERE e.passes
$$;
COMMENT ON FUNCTION pcare.episodes_of IS
    'The episodes of a kind: each reference dated, placed and classified by its earliest fact, which decides if it passes, and passes `which` too.';

-- ---- Time

CREATE FUNCTION pcare.years_seen(first_fact timestamptz, at timestamptz) RETURNS TABLE (
    year integer, starts timestamptz, seen_at timestamptz
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
ROWS 10
AS $$
    SELECT number, pcare.financial_year_start(number), least(at, pcare.financial_year_start(number + 1))
    FROM generate_series(pcare.financial_year_number(first_fact), pcare.financial_year_number(at)) AS number
    WHERE pcare.financial_year_start(number) < at
$$;
COMMENT ON FUNCTION pcare.years_seen IS
    'The years up to an instant, each with what it is seen from: its end, or the instant if that comes first.';

CREATE FUNCTION pcare.months_after(instant timestamptz, months integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pcare.london_instant((instant AT TIME ZONE 'Europe/London') + make_interval(months => months));
COMMENT ON FUNCTION pcare.months_after IS 'The same wall clock time in London so many calendar months on.';

CREATE FUNCTION pcare.day_after(instant timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pcare.london_instant(((instant AT TIME ZONE 'Europe/London')::date + 1)::timestamp);
COMMENT ON FUNCTION pcare.day_after IS 'The end of the day in London on which an instant lies.';

CREATE FUNCTION pcare.year_of(financial_year text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(financial_year, 4)::integer;
COMMENT ON FUNCTION pcare.year_of IS 'The calendar year in which a year such as 2023/24 begins.';

-- ---- The rules. Each gives what is counted by year, borough (null: none of NCL) and, where it counts members of a
-- ---- list, by member; NCL and the value are finished from that, for shares, means and members do not add up.

CREATE FUNCTION pcare.kpi_events(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pcare.year_of(f.financial_year), f.borough, NULL, count(*), NULL::bigint
    FROM pcare.facts_of(rule, known_at) AS f
    WHERE f.occurred_at < at
    GROUP BY f.financial_year, f.borough
$$;

CREATE FUNCTION pcare.kpi_episodes(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pcare.year_of(e.financial_year), e.borough, NULL, count(*), NULL::bigint
    FROM pcare.episodes_of(rule, NULL, known_at) AS e
    WHERE e.occurred_at < at
    GROUP BY e.financial_year, e.borough
$$;

CREATE FUNCTION pcare.kpi_people_in_year(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pcare.year_of(financial_year), borough, NULL, count(*), NULL::bigint
    FROM (
        SELECT DISTINCT ON (pcare.spread(e.subject), e.subject, e.financial_year) e.financial_year, e.borough
        FROM pcare.episodes_of(rule, NULL, known_at) AS e
        WHERE e.occurred_at < at
        ORDER BY
            pcare.spread(e.subject), e.subject, e.financial_year,
            e.occurred_at DESC, e.source COLLATE "C" DESC, e.id COLLATE "C" DESC
    ) AS person
    GROUP BY financial_year, borough
$$;

CREATE FUNCTION pcare.kpi_people_reached(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- Of nearly everybody all facts of a year are in one borough, and need not be put in order.
    WITH by_borough AS MATERIALIZED (
        SELECT f.financial_year, f.subject, f.borough, max(f.occurred_at) AS latest
        FROM pcare.facts(known_at) AS f
        WHERE f.kind COLLATE "C" = ANY (pcare.texts(rule -> 'of')) AND f.occurred_at < at
        GROUP BY f.financial_year, f.subject, f.borough
    ),
    -- One row for all who were in one borough, and one for each person who moved.
    person AS MATERIALIZED (
        SELECT
            financial_year,
            CASE WHEN boroughs = 1 THEN borough END AS borough,
            CASE WHEN boroughs > 1 THEN subject END AS moved,
            max(latest) AS latest,
            count(*) AS people
        FROM (
            SELECT financial_year, subject, count(*) AS boroughs, min(borough) AS borough, max(latest) AS latest
            FROM by_borough
            GROUP BY financial_year, subject
        ) AS anybody
        GROUP BY 1, 2, 3
    ),
    -- The latest fact decides; of several at one time in different boroughs, source and id.
    moved AS (
        SELECT financial_year, b.subject, latest, min(b.borough) AS borough, count(*) AS boroughs
        FROM person AS p
        JOIN by_borough AS b USING (financial_year, latest)
        WHERE b.subject = p.moved
        GROUP BY financial_year, b.subject, latest
    ),
    placed AS (
        SELECT financial_year, borough, people FROM person WHERE moved IS NULL
        UNION ALL
        SELECT financial_year, borough, 1 FROM moved WHERE boroughs = 1
        UNION ALL
        (
            SELECT DISTINCT ON (m.financial_year, m.subject) m.financial_year, f.borough, 1
            FROM moved AS m
            JOIN pcare.facts(known_at) AS f ON f.subject = m.subject AND f.occurred_at = m.latest
            WHERE m.boroughs > 1 AND f.kind COLLATE "C" = ANY (pcare.texts(rule -> 'of'))
            ORDER BY m.financial_year, m.subject, f.source COLLATE "C" DESC, f.id COLLATE "C" DESC
        )
    )
    SELECT pcare.year_of(financial_year), borough, NULL, sum(people)::bigint, NULL::bigint
    FROM placed
    GROUP BY financial_year, borough
$$;

CREATE FUNCTION pcare.kpi_people_ever(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- A fact places its person from its own time until the person's next.
    WITH counted AS (
        SELECT
            f.occurred_at, f.borough,
            lead(f.occurred_at) OVER (
                PARTITION BY pcare.spread(f.subject), f.subject
                ORDER BY f.occurred_at, f.source COLLATE "C", f.id COLLATE "C"
            ) AS until
        FROM pcare.facts_of(rule, known_at) AS f
        WHERE f.occurred_at < at
    )
    SELECT y.year, c.borough, NULL, count(*), NULL::bigint
    FROM counted AS c
    JOIN pcare.years_seen((SELECT min(occurred_at) FROM counted), at) AS y
      ON c.occurred_at < y.seen_at AND (c.until IS NULL OR c.until >= y.seen_at)
    GROUP BY y.year, c.borough
$$;

CREATE FUNCTION pcare.kpi_reached(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pcare.year_of(financial_year), borough, member, sum(number)::bigint, NULL::bigint
    FROM (
        SELECT e.financial_year, e.borough, e.situation, count(*) AS number
        FROM pcare.episodes_of(rule, NULL, known_at) AS e
        WHERE e.occurred_at < at
        GROUP BY e.financial_year, e.borough, e.situation
    ) AS counted
    LEFT JOIN pcare.code_list AS c ON c.list = 'situations' AND c.code = counted.situation,
    LATERAL (SELECT CASE rule ->> 'by' WHEN 'situation' THEN situation ELSE c.area END) AS reached (member)
    WHERE member IS NOT NULL
    GROUP BY financial_year, borough, member
$$;

CREATE FUNCTION pcare.kpi_share(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT pcare.year_of(financial_year), borough, NULL, count(*) FILTER (WHERE also_passes), count(*)
    FROM (
        SELECT e.occurred_at, e.financial_year, e.borough, e.also_passes
        FROM pcare.episodes_of(rule -> 'of', rule -> 'which', known_at) AS e
        WHERE rule #>> '{of,count}' = 'episodes'
        UNION ALL
        SELECT
            f.occurred_at, f.financial_year, f.borough,
            pcare.passes(rule -> 'which', rule #>> '{of,of}', f.stated, f.details, f.payload)
        FROM pcare.facts_of(rule -> 'of', known_at) AS f
        WHERE rule #>> '{of,count}' = 'events'
    ) AS judged
    WHERE occurred_at < at
    GROUP BY financial_year, borough
$$;

CREATE FUNCTION pcare.kpi_share_of_latest(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        pcare.year_of(financial_year), borough, NULL,
        coalesce(sum(jsonb_array_length(list)), 0)::bigint,
        count(*) * (rule ->> 'out_of')::bigint
    FROM (
        SELECT DISTINCT ON (f.financial_year, f.subject)
            f.financial_year, f.borough, (f.stated || f.details) -> (rule ->> 'counted') AS list
        FROM pcare.facts_of(rule, known_at) AS f
        WHERE f.occurred_at < at
        ORDER BY f.financial_year, f.subject, f.occurred_at DESC, f.source COLLATE "C" DESC, f.id COLLATE "C" DESC
    ) AS latest
    GROUP BY financial_year, borough
$$;

CREATE FUNCTION pcare.kpi_mean(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        pcare.year_of(f.financial_year), f.borough, NULL,
        coalesce(sum((f.details ->> field)::bigint), 0)::bigint, count(*)
    FROM pcare.facts_of(rule, known_at) AS f, unnest(pcare.texts(rule -> 'fields')) AS field
    WHERE f.occurred_at < at
    GROUP BY f.financial_year, f.borough
$$;

-- ---- What is in place

-- An argument `among`, if it is not null, holds the subjects that matter. It has to be known when a query is planned:
-- then it is hashed.

CREATE FUNCTION pcare.facts_with_reference(kind text, known_at timestamptz, among text[]) RETURNS TABLE (
    subject text, ref_source text, ref text, occurred_at timestamptz, source text, id text, borough text, starts date,
    one_off boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT f.subject, known_by.ref_source, known_by.ref, f.occurred_at, f.source, f.id, f.borough, f.starts, f.one_off
    FROM pcare.facts(known_at) AS f,
         LATERAL (
             SELECT
                 CASE WHEN pcare.is_post(facts_with_reference.kind) THEN '' ELSE f.ref_source END,
                 CASE WHEN pcare.is_post(facts_with_reference.kind) THEN f.pcn ELSE f.ref END
         ) AS known_by (ref_source, ref)
    WHERE f.kind COLLATE "C" = facts_with_reference.kind
      AND known_by.ref IS NOT NULL
      AND (among IS NULL OR f.subject = ANY (among))
$$;
COMMENT ON FUNCTION pcare.facts_with_reference IS 'The facts of a kind that name a reference, with what it is known by.';

CREATE FUNCTION pcare.stretches(rule jsonb, known_at timestamptz, among text[]) RETURNS TABLE (
    subject text, occurred_at timestamptz, source text, id text, borough text, begins timestamptz, ends timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- Few references are closed, and fewer twice: hashing these is half the price of putting all facts in order.
    WITH closed AS NOT MATERIALIZED (
        SELECT c.subject, c.ref_source, c.ref, array_agg(c.occurred_at) AS times
        FROM pcare.facts_with_reference(rule ->> 'closed_by', known_at, among) AS c
        GROUP BY c.subject, c.ref_source, c.ref
    ),
    fact AS (
        SELECT
            o.subject, o.occurred_at, o.source, o.id, o.borough, closed.times, begun.at AS begins,
            CASE WHEN o.one_off THEN pcare.day_after(begun.at) END AS spent
        FROM pcare.facts_with_reference(rule ->> 'opened_by', known_at, among) AS o
        LEFT JOIN closed USING (subject, ref_source, ref),
        LATERAL (SELECT coalesce(pcare.london_instant(o.starts::timestamp), o.occurred_at)) AS begun (at)
        UNION ALL
        SELECT r.subject, r.occurred_at, r.source, r.id, r.borough, closed.times, r.occurred_at, NULL
        FROM pcare.facts_with_reference(
            CASE WHEN coalesce((rule ->> 'review_renews')::boolean, true) THEN rule ->> 'renewed_by' END,
            known_at, among
        ) AS r
        LEFT JOIN closed USING (subject, ref_source, ref)
        -- what is open: opened, at this time or before, and not closed since
        WHERE EXISTS (
            SELECT
            FROM pcare.facts_with_reference(rule ->> 'opened_by', known_at, among) AS o
            WHERE o.subject = r.subject AND o.ref_source = r.ref_source AND o.ref = r.ref
              AND o.occurred_at <= r.occurred_at
              AND (
                  closed.times IS NULL
                  OR o.occurred_at > ALL (SELECT t FROM unnest(closed.times) AS t WHERE t <= r.occurred_at)
              )
        )
    )
    SELECT
        f.subject, f.occurred_at, f.source, f.id, f.borough, f.begins,
        least(
            CASE WHEN f.times IS NOT NULL THEN (SELECT min(t) FROM unnest(f.times) AS t WHERE t >= f.occurred_at) END,
            pcare.months_after(f.occurred_at, (rule ->> 'lapses_after_months')::integer),
            f.spent
        )
    FROM fact AS f
$$;
COMMENT ON FUNCTION pcare.stretches IS
    'From when to when each opening, or renewal of what is open, holds something in place; ends null: no end is known.';

CREATE FUNCTION pcare.in_place_at_end(
    rule jsonb, at timestamptz, known_at timestamptz, among text[] DEFAULT NULL
) RETURNS TABLE (year integer, subject text, borough text)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    WITH stretch AS MATERIALIZED (
        SELECT * FROM pcare.stretches(rule, known_at, among) AS s WHERE s.occurred_at < at
    )
    SELECT DISTINCT ON (pcare.spread(s.subject), s.subject, y.year) y.year, s.subject, s.borough
    FROM stretch AS s
    JOIN pcare.years_seen((SELECT min(occurred_at) FROM stretch), at) AS y
      ON s.occurred_at < y.seen_at AND s.begins < y.seen_at AND (s.ends IS NULL OR s.ends >= y.seen_at)
    ORDER BY
        pcare.spread(s.subject), s.subject, y.year,
        s.occurred_at DESC, s.source COLLATE "C" DESC, s.id COLLATE "C" DESC
$$;
COMMENT ON FUNCTION pcare.in_place_at_end IS
    'Who has something in place just before a year is seen, and where: by the latest fact that has it in place.';

CREATE FUNCTION pcare.kpi_in_place_at_end(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT year, borough, NULL, count(*), NULL::bigint
    FROM pcare.in_place_at_end(rule, at, known_at)
    GROUP BY year, borough
$$;

CREATE FUNCTION pcare.kpi_in_place_in_year(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    WITH stretch AS MATERIALIZED (
        SELECT * FROM pcare.stretches(rule, known_at, NULL) AS s WHERE s.occurred_at < at
    )
    SELECT year, borough, NULL, count(*), NULL::bigint
    FROM (
        SELECT DISTINCT ON (pcare.spread(s.subject), s.subject, y.year) y.year, s.borough
        FROM stretch AS s
        JOIN pcare.years_seen((SELECT min(occurred_at) FROM stretch), at) AS y
          ON s.occurred_at < y.seen_at
         -- least and greatest pass over an end that is null: it has not come
         AND greatest(s.begins, y.starts) < least(s.ends, y.seen_at)
        ORDER BY
            pcare.spread(s.subject), s.subject, y.year,
            s.occurred_at DESC, s.source COLLATE "C" DESC, s.id COLLATE "C" DESC
    ) AS person
    GROUP BY year, borough
$$;

CREATE FUNCTION pcare.kpi_share_in_place(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
#variable_conflict use_column
DECLARE
    -- The other is looked for among these alone: an array that is known when the query is planned is hashed.
    among CONSTANT text[] := array(
        SELECT DISTINCT one.subject FROM pcare.in_place_at_end(rule -> 'of', at, known_at) AS one
    );
BEGIN
    RETURN QUERY EXECUTE
        'SELECT year, one.borough, NULL, count(other.subject), count(*)
         FROM pcare.in_place_at_end($1, $3, $4) AS one
         LEFT JOIN pcare.in_place_at_end($2, $3, $4, $5) AS other USING (year, subject)
         GROUP BY year, one.borough'
    USING rule -> 'of', rule -> 'also_in', at, known_at, among;
END
$$;
COMMENT ON FUNCTION pcare.kpi_share_in_place IS 'Here `of` and `also_in` are the rules of the KPIs that the catalogue names.';

-- ---- From the rules to the numbers

CREATE FUNCTION pcare.kpi_parts(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, borough text, member text, numerator bigint, denominator bigint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    -- as literals, so that each rule is planned for its own kinds
    RETURN QUERY EXECUTE format(
        'SELECT * FROM pcare.%I(%L::jsonb, %L::timestamptz, %L::timestamptz)',
        'kpi_' || (rule ->> 'count'), rule, at, known_at
    );
END
$$;
COMMENT ON FUNCTION pcare.kpi_parts IS 'Asks the function of the rule''s kind: kpi_episodes for episodes, and so on.';

CREATE FUNCTION pcare.complete_rule(rule jsonb, catalogue jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE rule ->> 'count'
        WHEN 'share_in_place' THEN rule || (
            SELECT jsonb_object_agg(place, kpi -> 'rule')
            FROM unnest(ARRAY['of', 'also_in']) AS place
            JOIN jsonb_array_elements(catalogue -> 'kpis') AS kpi ON kpi -> 'id' = rule -> place
        )
        ELSE rule
    END
$$;
COMMENT ON FUNCTION pcare.complete_rule IS 'A rule with those that it names by KPI put in their place.';

CREATE FUNCTION pcare.percentage(numerator bigint, denominator bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(div(20000 * numerator::numeric + denominator, 2 * denominator) / 100, 2);
COMMENT ON FUNCTION pcare.percentage IS 'To two decimals, rounded half up, in whole numbers only.';

CREATE FUNCTION pcare.mean_of(numerator bigint, denominator bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(div(200 * numerator::numeric + denominator, 2 * denominator) / 100, 2);
COMMENT ON FUNCTION pcare.mean_of IS 'To two decimals, rounded half up, in whole numbers only.';

CREATE FUNCTION pcare.kpi_finished(rule jsonb, at timestamptz, known_at timestamptz) RETURNS TABLE (
    year integer, area text, value numeric, numerator bigint, denominator bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    WITH by_member AS (
        SELECT
            p.year, placed.area, p.member,
            sum(p.numerator)::bigint AS numerator,
            sum(p.denominator)::bigint AS denominator
        FROM pcare.kpi_parts(rule, at, known_at) AS p,
             LATERAL (VALUES ('NCL'), (coalesce(p.borough, 'NCL only'))) AS placed (area)
        GROUP BY p.year, placed.area, p.member
    ),
    summed AS (
        SELECT
            m.year, m.area,
            CASE rule ->> 'count'
                WHEN 'reached' THEN count(*) FILTER (WHERE m.numerator >= (rule ->> 'threshold')::bigint)
                ELSE sum(m.numerator)::bigint
            END AS numerator,
            sum(m.denominator)::bigint AS denominator
        FROM by_member AS m
        GROUP BY m.year, m.area
    )
    SELECT
        s.year, s.area,
        CASE
            WHEN s.denominator IS NULL THEN s.numerator
            -- a mean has a denominator for each of its fields
            WHEN s.denominator < (rule ->> 'at_least')::bigint * coalesce(jsonb_array_length(rule -> 'fields'), 1)
                THEN NULL
            WHEN rule ->> 'count' = 'mean' THEN pcare.mean_of(s.numerator, s.denominator)
            ELSE pcare.percentage(s.numerator, s.denominator)
        END,
        s.numerator, s.denominator
    FROM summed AS s
    WHERE coalesce(s.denominator, s.numerator) > 0
$$;
COMMENT ON FUNCTION pcare.kpi_finished IS
    'A KPI by year and area: boroughs (GSS code), NCL only (what has no borough) and NCL, which is all of these.';

CREATE FUNCTION pcare.kpi_values(
    at timestamptz, catalogue jsonb DEFAULT pcare.stored_catalogue(), known_at timestamptz DEFAULT NULL
) RETURNS TABLE (kpi text, borough text, year text, value numeric, numerator bigint, denominator bigint)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT k.kpi ->> 'id', f.area, pcare.financial_year_label(f.year), f.value, f.numerator, f.denominator
    FROM jsonb_array_elements(catalogue -> 'kpis') AS k (kpi),
         LATERAL pcare.kpi_finished(pcare.complete_rule(k.kpi -> 'rule', catalogue), at, known_at) AS f
$$;
COMMENT ON FUNCTION pcare.kpi_values IS
    'All KPIs of a catalogue at an instant, by area and financial year, from what was recorded before known_at (if given). Zero counts, and shares and means of nothing, have no row.';
