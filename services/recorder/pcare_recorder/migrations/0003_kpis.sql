-- The key performance indicators, from the recorded rows alone and for a stated instant: no clock is read.
-- Written from the rules of docs/kpis.md, not from the program that streams the same numbers, so that an error in
-- either one shows.

CREATE FUNCTION pcare.facts() RETURNS TABLE (
    source text, id text, kind text, subject text, occurred_at timestamptz, borough text,
    ref_source text, ref text, situation text, starts date, one_off boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        i.source, i.id, i.kind, i.subject, i.occurred_at, i.borough, i.ref_source, i.ref,
        CASE WHEN i.kind = 'sdm-conversation' THEN i.published -> 'data' ->> 'situation' END,
        CASE WHEN i.kind = 'phb-issued' THEN (i.published -> 'data' ->> 'starts')::date END,
        CASE WHEN i.kind = 'phb-issued' THEN coalesce((i.published -> 'data' ->> 'one_off')::boolean, false) END
    FROM pcare.interventions AS i
    WHERE i.kind <> 'event-retracted'
      AND NOT EXISTS (
          SELECT FROM pcare.interventions AS retraction
          WHERE retraction.kind = 'event-retracted'
            AND retraction.source = i.source
            AND retraction.subject = i.subject
            AND retraction.retracts = i.id
      )
$$;
COMMENT ON FUNCTION pcare.facts IS
    'What is recorded and not retracted. A retraction acts if source, subject and id match, whatever its own time.';

CREATE FUNCTION pcare.kpi_values(
    at timestamptz,
    situations_threshold integer DEFAULT 5,
    review_renews boolean DEFAULT true
) RETURNS TABLE (kpi text, borough text, year text, value numeric)
LANGUAGE sql STABLE
AS $$
-- Facts are ordered by (time, source, id), the texts by code point whatever the database's own collation.
WITH fact AS MATERIALIZED (
    SELECT
        source COLLATE "C" AS source, id COLLATE "C" AS id, kind, subject, occurred_at, borough,
        ref_source, ref, situation, starts, one_off
    FROM pcare.facts()
),

-- A year is seen from `seen_at`: the stated instant, or the year's end if that came first. Only what is earlier counts.
financial_year AS (
    SELECT
        pcare.financial_year_label(number) AS label,
        pcare.financial_year_start(number) AS starts,
        least(at, pcare.financial_year_start(number + 1)) AS seen_at
    FROM (SELECT min(occurred_at) AS earliest FROM fact) AS first_fact,
         generate_series(
             pcare.financial_year_number(first_fact.earliest), pcare.financial_year_number(at)
         ) AS number
    WHERE pcare.financial_year_start(number) < at
),

-- An episode is dated, placed and classified by its earliest fact.
episode AS (
    SELECT DISTINCT ON (kind, subject, ref_source, ref)
        kind, subject, occurred_at, source, id, borough, situation
    FROM fact
    WHERE kind IN ('sdm-conversation', 'sp-referral')
    ORDER BY kind, subject, ref_source, ref, occurred_at, source, id
),
episode_of_year AS (
    SELECT y.label AS year, e.*
    FROM financial_year AS y
    JOIN episode AS e ON e.occurred_at >= y.starts AND e.occurred_at < y.seen_at
),

situation_reached AS (
    SELECT year, borough, situation
    FROM (
        SELECT year, situation, borough FROM episode_of_year
        WHERE kind = 'sdm-conversation' AND borough IS NOT NULL
        UNION ALL
        SELECT year, situation, 'NCL' FROM episode_of_year WHERE kind = 'sdm-conversation'
    ) AS placed
    GROUP BY year, borough, situation
    HAVING count(*) >= situations_threshold
),

-- A plan is in place if it was agreed after it last ended, and agreed or reviewed within the last 12 months.
plan_at AS (
    SELECT
        y.label AS year, y.seen_at, f.subject, f.ref_source, f.ref,
        max(f.occurred_at) FILTER (WHERE f.kind = 'care-plan-agreed') AS last_agreed,
        max(f.occurred_at) FILTER (WHERE f.kind = 'care-plan-ended') AS last_ended,
        max(f.occurred_at) FILTER (
            WHERE f.kind = 'care-plan-agreed' OR (review_renews AND f.kind = 'care-plan-reviewed')
        ) AS last_renewed
    FROM financial_year AS y
    JOIN fact AS f ON f.occurred_at < y.seen_at
    WHERE f.kind IN ('care-plan-agreed', 'care-plan-reviewed', 'care-plan-ended')
    GROUP BY y.label, y.seen_at, f.subject, f.ref_source, f.ref
),
plan_in_place AS (
    SELECT year, seen_at, subject, ref_source, ref
    FROM plan_at
    WHERE last_agreed IS NOT NULL
      AND (last_ended IS NULL OR last_agreed > last_ended)
      AND pcare.twelve_months_after(last_renewed) >= seen_at
),

-- A budget ends with the first end of the same ref that is not earlier; a one-off also with the day it starts.
budget_ended AS (
    SELECT issued.source, issued.id, min(ended.occurred_at) AS ended_at
    FROM fact AS issued
    JOIN fact AS ended
      ON ended.subject = issued.subject AND ended.ref_source = issued.ref_source AND ended.ref = issued.ref
     AND ended.occurred_at >= issued.occurred_at
    WHERE issued.kind = 'phb-issued' AND ended.kind = 'phb-ended'
    GROUP BY issued.source, issued.id
),
budget AS (
    SELECT
        f.subject, f.occurred_at, f.source, f.id, f.borough,
        begins.instant AS starts,
        least(
            budget_ended.ended_at,
            CASE WHEN f.one_off THEN pcare.london_instant(
                ((begins.instant AT TIME ZONE 'Europe/London')::date + 1)::timestamp
            ) END
        ) AS ends
    FROM fact AS f
    LEFT JOIN budget_ended ON budget_ended.source = f.source AND budget_ended.id = f.id
    CROSS JOIN LATERAL (
        SELECT coalesce(pcare.london_instant(f.starts::timestamp), f.occurred_at)
    ) AS begins (instant)
    WHERE f.kind = 'phb-issued'
),

-- For the measures of people: every fact that makes a subject count in a year. The latest one places the subject.
counted AS (
    SELECT 'sp_people' AS kpi, year, subject, occurred_at, source, id, borough
    FROM episode_of_year
    WHERE kind = 'sp-referral'
    UNION ALL
    SELECT 'pam_people', y.label, f.subject, f.occurred_at, f.source, f.id, f.borough
    FROM financial_year AS y
    JOIN fact AS f ON f.kind = 'pam-scored' AND f.occurred_at < y.seen_at
    UNION ALL
    SELECT 'pcsp_active', p.year, f.subject, f.occurred_at, f.source, f.id, f.borough
    FROM plan_in_place AS p
    JOIN fact AS f
      ON f.subject = p.subject AND f.ref_source = p.ref_source AND f.ref = p.ref AND f.occurred_at < p.seen_at
    WHERE f.kind = 'care-plan-agreed' OR (review_renews AND f.kind = 'care-plan-reviewed')
    UNION ALL
    SELECT 'phb_people', y.label, b.subject, b.occurred_at, b.source, b.id, b.borough
    FROM financial_year AS y
    JOIN budget AS b
      ON b.occurred_at < y.seen_at
     AND greatest(b.starts, y.starts) < least(b.ends, y.seen_at)  -- an end that is null has not come
),
person AS (
    SELECT DISTINCT ON (kpi, year, subject) kpi, year, subject, borough
    FROM counted
    ORDER BY kpi, year, subject, occurred_at DESC, source DESC, id DESC
),

-- One row for each thing that is counted, where it is placed; the whole counts it once, wherever it is placed.
placed AS (
    SELECT
        CASE kind WHEN 'sdm-conversation' THEN 'sdm_conversations' ELSE 'sp_referrals' END AS kpi, year, borough
    FROM episode_of_year
    UNION ALL
    SELECT kpi, year, borough FROM person
)
SELECT kpi, borough, year, count(*)::numeric FROM placed WHERE borough IS NOT NULL GROUP BY kpi, borough, year
UNION ALL
SELECT kpi, 'NCL', year, count(*)::numeric FROM placed GROUP BY kpi, year
UNION ALL
SELECT 'sdm_situations', borough, year, count(*)::numeric FROM situation_reached GROUP BY borough, year
$$;
COMMENT ON FUNCTION pcare.kpi_values IS
    'The KPIs at an instant, by borough (GSS code), for the whole (NCL) and by financial year. Zeros have no row.';
