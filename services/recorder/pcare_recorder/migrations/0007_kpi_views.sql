-- For analysts, a view a KPI: analysis.kpi_<id>, made from the catalogue in force.

-- Plans, budgets and posts are looked at from their beginning, however long ago; with this, they are read without the
-- rest of the table. It holds one row in five, in the order in which they come, so it costs the recorder next to nothing.
CREATE INDEX interventions_in_place ON pcare.interventions (kind, occurred_at)
INCLUDE (subject, source, id, borough, pcn, ref_source, ref, starts, one_off)
WHERE kind IN (
    'care-plan-agreed', 'care-plan-reviewed', 'care-plan-ended', 'phb-issued', 'phb-ended', 'link-worker-joined',
    'link-worker-left', 'choice-standards-assessed'
);

CREATE FUNCTION pcare.kpi_now(kpi text) RETURNS TABLE (
    year text, borough text, borough_name text, value numeric, numerator bigint, denominator bigint, target numeric
)
LANGUAGE sql STABLE
-- With the rights of whoever made it: its readers see sums, and none of the tables.
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET work_mem = '128MB'
-- Processes share the reading, also where a row for each person goes from one to another.
SET parallel_tuple_cost = 0.01
AS $$
    WITH found AS MATERIALIZED (
        SELECT f.*
        FROM pcare.kpi_catalogue AS c,
             jsonb_array_elements(c.document -> 'kpis') AS k,
             LATERAL pcare.kpi_finished(pcare.complete_rule(k -> 'rule', c.document), now(), NULL) AS f
        WHERE k ->> 'id' = kpi
    ),
    -- every year from the first that has a number, every borough, also where there is nothing
    cell AS (
        SELECT y.year, area.code, area.name
        FROM generate_series((SELECT min(f.year) FROM found AS f), pcare.financial_year_number(now())) AS y (year),
             (
                 SELECT c.code, c.name FROM pcare.code_list AS c WHERE c.list = 'boroughs'
                 UNION ALL
                 SELECT 'NCL', 'North Central London'
             ) AS area
        UNION ALL
        SELECT f.year, f.area, f.area FROM found AS f WHERE f.area = 'NCL only'
    )
    SELECT
        pcare.financial_year_label(cell.year), cell.code, cell.name,
        CASE WHEN f.area IS NOT NULL THEN f.value WHEN counts.anything THEN 0 END,
        coalesce(f.numerator, 0),
        CASE WHEN NOT counts.anything THEN coalesce(f.denominator, 0) END,
        t.value
    FROM cell
    CROSS JOIN (SELECT bool_or(f.denominator IS NULL) FROM found AS f) AS counts (anything)
    LEFT JOIN found AS f ON f.year = cell.year AND f.area = cell.code
    LEFT JOIN pcare.kpi_targets AS t
      ON t.kpi = kpi_now.kpi AND t.area = cell.code AND t.year = pcare.financial_year_label(cell.year)
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION pcare.kpi_now IS 'A KPI of the catalogue in force as of now, beside its target; what its view shows.';

CREATE FUNCTION pcare.make_kpi_views() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    kpi jsonb;
    gone text;
    name text;
BEGIN
    FOR gone IN
        SELECT v.viewname
        FROM pg_catalog.pg_views AS v
        WHERE v.schemaname = 'analysis' AND v.viewname LIKE 'kpi\_%'
          AND NOT EXISTS (
              SELECT FROM jsonb_array_elements(pcare.stored_catalogue() -> 'kpis') AS k
              WHERE left('kpi_' || (k ->> 'id'), 63) = v.viewname
          )
    LOOP
        EXECUTE format('DROP VIEW analysis.%I', gone);
    END LOOP;
    FOR kpi IN SELECT jsonb_array_elements(pcare.stored_catalogue() -> 'kpis') LOOP
        name := left('kpi_' || (kpi ->> 'id'), 63);  -- the longest name there can be
        IF to_regclass(format('analysis.%I', name)) IS NULL THEN
            EXECUTE format('CREATE VIEW analysis.%I AS SELECT * FROM pcare.kpi_now(%L)', name, kpi ->> 'id');
            EXECUTE format('COMMENT ON COLUMN analysis.%I.year IS %L', name, 'Financial year, such as 2023/24.');
            EXECUTE format(
                'COMMENT ON COLUMN analysis.%I.borough IS %L', name,
                'GSS code; NCL for the whole; NCL only for what has no borough, which is in NCL too.'
            );
            EXECUTE format(
                'COMMENT ON COLUMN analysis.%I.value IS %L', name,
                'The KPI: a count, a percentage or a mean; null where there is too little to tell.'
            );
            EXECUTE format('COMMENT ON COLUMN analysis.%I.target IS %L', name, 'For the end of the year.');
        END IF;
        IF obj_description(format('analysis.%I', name)::regclass) IS DISTINCT FROM kpi ->> 'title' THEN
            EXECUTE format('COMMENT ON VIEW analysis.%I IS %L', name, kpi ->> 'title');
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pcare.make_kpi_views IS
    'Makes a view of each KPI of the catalogue in force, and drops those of KPIs that are no longer in it.';
