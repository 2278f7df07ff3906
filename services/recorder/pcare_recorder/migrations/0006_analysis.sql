-- What analysts read: the schema analysis, of views alone. They show what is recorded, at this moment; nothing is copied.
-- A view reads with the rights of whoever made it, so its readers need none of the tables. It calls no function of the
-- schema pcare: that would run with the reader's rights.

CREATE SCHEMA IF NOT EXISTS analysis;
COMMENT ON SCHEMA analysis IS 'For analysts (role pcare_analyst): see docs/analyse.md.';

CREATE TABLE pcare.providers (
    source  text COLLATE "C" PRIMARY KEY,
    code    text COLLATE "C" NOT NULL,
    name    text,
    kind    text
);
COMMENT ON TABLE pcare.providers IS
    'Every organisation that an event is recorded of: the provider register, as the recorder that started last has it, and whoever was in it before. Without a name, if only events tell of it.';

CREATE FUNCTION pcare.add_missing_providers() RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    -- one look at the index for each, however many events they sent
    WITH RECURSIVE sent (source) AS (
        SELECT min(i.source) FROM pcare.interventions AS i
        UNION ALL
        SELECT (SELECT min(i.source) FROM pcare.interventions AS i WHERE i.source > sent.source)
        FROM sent WHERE sent.source IS NOT NULL
    )
    INSERT INTO pcare.providers (source, code)
    SELECT sent.source, substring(sent.source FROM '[^/:]*$') FROM sent WHERE sent.source IS NOT NULL
    ON CONFLICT DO NOTHING;
END;
COMMENT ON FUNCTION pcare.add_missing_providers IS 'Adds who sent what is recorded, for a table that was lost.';
SELECT pcare.add_missing_providers();

CREATE VIEW analysis.interventions AS
SELECT
    i.id AS event_id,
    i.source,
    i.kind,
    CASE
        WHEN i.kind IN ('choice-offered', 'choice-standards-assessed') THEN 'enabling choice'
        WHEN i.kind IN ('sp-referral', 'sp-declined', 'sp-closed', 'link-worker-joined', 'link-worker-left')
            THEN 'social prescribing'
        WHEN i.kind IN ('sdm-conversation', 'collaborate-scored') THEN 'shared decision making'
        WHEN i.kind IN ('pam-scored', 'self-management-referral', 'self-management-completed')
            THEN 'supported self-management'
        WHEN i.kind IN ('care-plan-agreed', 'care-plan-reviewed', 'care-plan-ended', 'care-plan-declined')
            THEN 'care and support planning'
        WHEN i.kind IN ('phb-issued', 'phb-ended') THEN 'personal health budgets'
    END AS component,
    i.occurred_at,
    i.financial_year,
    i.month,
    i.recorded_at,
    i.subject,
    i.borough,
    borough.name AS borough_name,
    i.pcn,
    i.practice,
    provider.code AS provider,
    provider.name AS provider_name,
    provider.kind AS provider_kind,
    i.age_band,
    i.sex,
    i.ethnic_category,
    ethnic.name AS ethnic_category_name,
    i.imd_decile,
    i.cohorts,
    i.reasons,
    i.setting,
    i.situation,
    situation.name AS situation_name,
    situation.area AS priority_area,
    i.starts,
    i.one_off,
    (i.details ->> 'integrated')::boolean AS integrated,
    (i.details ->> 'annual_value_pence')::bigint AS annual_value_pence,
    i.details ->> 'referrer' AS referrer,
    i.details ->> 'outcome' AS outcome,
    i.details ->> 'programme' AS programme,
    i.details ->> 'plan_kind' AS plan_kind,
    i.details ->> 'reason' AS reason,
    i.details ->> 'decision' AS decision,
    (i.details ->> 'decision_aid')::boolean AS decision_aid,
    (i.details ->> 'elective')::boolean AS elective,
    (i.details ->> 'via_ers')::boolean AS via_ers,
    (i.details ->> 'choice_exercised')::boolean AS choice_exercised,
    (i.details ->> 'providers_offered')::integer AS providers_offered,
    (i.details ->> 'score')::numeric AS pam_score,
    (i.details ->> 'level')::integer AS pam_level,
    (i.details ->> 'understand')::integer AS understand,
    (i.details ->> 'listen')::integer AS listen,
    (i.details ->> 'include')::integer AS include,
    (i.details ->> 'wte')::numeric AS wte
FROM pcare.interventions AS i
LEFT JOIN pcare.providers AS provider ON provider.source = i.source
LEFT JOIN pcare.code_list AS borough ON borough.list = 'boroughs' AND borough.code = i.borough
LEFT JOIN pcare.code_list AS ethnic ON ethnic.list = 'ethnic-categories' AND ethnic.code = i.ethnic_category
LEFT JOIN pcare.code_list AS situation ON situation.list = 'situations' AND situation.code = i.situation
WHERE i.kind <> 'event-retracted'
  AND NOT EXISTS (
      SELECT FROM pcare.interventions AS retraction
      WHERE retraction.kind = 'event-retracted'
        AND retraction.source = i.source
        AND retraction.subject = i.subject
        AND retraction.retracts = i.id
  );

COMMENT ON VIEW analysis.interventions IS
    'One row for each recorded event that was not taken back. For breakdowns; the KPIs themselves have views of their own.';
COMMENT ON COLUMN analysis.interventions.event_id IS 'The event''s id, unique within its source.';
COMMENT ON COLUMN analysis.interventions.source IS 'The organisation that sent the event, as a URI.';
COMMENT ON COLUMN analysis.interventions.kind IS 'The kind of event, such as sp-referral: see docs/events.md.';
COMMENT ON COLUMN analysis.interventions.component IS 'The component of personalised care that the kind belongs to.';
COMMENT ON COLUMN analysis.interventions.occurred_at IS 'When it happened: decides month and financial year.';
COMMENT ON COLUMN analysis.interventions.financial_year IS 'The financial year of occurred_at in London, such as 2023/24.';
COMMENT ON COLUMN analysis.interventions.month IS 'The first day of the month of occurred_at in London.';
COMMENT ON COLUMN analysis.interventions.recorded_at IS 'When it reached the log: a late event has a later one.';
COMMENT ON COLUMN analysis.interventions.subject IS
    'Whom it is about. A person is person:<random id>, the same in every event about them and found nowhere else; else a link worker, a team or a commissioner. For counting people once.';
COMMENT ON COLUMN analysis.interventions.borough IS 'Borough on the day of the event, GSS code; null for what has none.';
COMMENT ON COLUMN analysis.interventions.borough_name IS 'The borough''s name.';
COMMENT ON COLUMN analysis.interventions.pcn IS 'Primary care network: U and 5 digits.';
COMMENT ON COLUMN analysis.interventions.practice IS 'GP practice: ODS code.';
COMMENT ON COLUMN analysis.interventions.provider IS 'The organisation that sent the event: its ODS code, or its slug.';
COMMENT ON COLUMN analysis.interventions.provider_name IS 'Its name in the provider register.';
COMMENT ON COLUMN analysis.interventions.provider_kind IS 'gp_practice, trust, council, voluntary_sector, icb or ccg.';
COMMENT ON COLUMN analysis.interventions.age_band IS 'Five-year age band on the day of the event.';
COMMENT ON COLUMN analysis.interventions.sex IS 'Administrative sex: female, male, other or unknown.';
COMMENT ON COLUMN analysis.interventions.ethnic_category IS 'Ethnic category, a code of the national 16+1.';
COMMENT ON COLUMN analysis.interventions.ethnic_category_name IS 'The ethnic category''s name.';
COMMENT ON COLUMN analysis.interventions.imd_decile IS 'Index of Multiple Deprivation decile: 1 is the most deprived.';
COMMENT ON COLUMN analysis.interventions.cohorts IS 'phb-issued: the cohorts the person is in, one or more. Never add them up.';
COMMENT ON COLUMN analysis.interventions.reasons IS 'sp-referral: why the person was referred, one reason or more.';
COMMENT ON COLUMN analysis.interventions.setting IS 'sdm-conversation: primary, secondary or interface.';
COMMENT ON COLUMN analysis.interventions.situation IS 'sdm-conversation: the clinical situation, a code of the list.';
COMMENT ON COLUMN analysis.interventions.situation_name IS 'The situation''s name.';
COMMENT ON COLUMN analysis.interventions.priority_area IS 'The initial priority area of the situation, if it is in one.';
COMMENT ON COLUMN analysis.interventions.starts IS 'phb-issued: the day the budget starts, if it is not that of the event.';
COMMENT ON COLUMN analysis.interventions.one_off IS 'phb-issued: whether it is a single payment.';
COMMENT ON COLUMN analysis.interventions.integrated IS 'phb-issued: whether it joins health and social care money.';
COMMENT ON COLUMN analysis.interventions.annual_value_pence IS 'phb-issued: a year''s value in pence.';
COMMENT ON COLUMN analysis.interventions.referrer IS 'sp-referral: who referred.';
COMMENT ON COLUMN analysis.interventions.outcome IS 'sp-closed: how the episode ended.';
COMMENT ON COLUMN analysis.interventions.programme IS 'self-management-referral, -completed: which programme.';
COMMENT ON COLUMN analysis.interventions.plan_kind IS 'care-plan-agreed: what the plan is for.';
COMMENT ON COLUMN analysis.interventions.reason IS 'care-plan-ended, care-plan-declined, phb-ended: why.';
COMMENT ON COLUMN analysis.interventions.decision IS 'sdm-conversation: what came of it.';
COMMENT ON COLUMN analysis.interventions.decision_aid IS 'sdm-conversation: whether a patient decision aid was used.';
COMMENT ON COLUMN analysis.interventions.elective IS 'choice-offered: whether the referral is elective.';
COMMENT ON COLUMN analysis.interventions.via_ers IS 'choice-offered: whether it went through the NHS e-Referral Service.';
COMMENT ON COLUMN analysis.interventions.choice_exercised IS 'choice-offered: whether the person chose.';
COMMENT ON COLUMN analysis.interventions.providers_offered IS 'choice-offered: how many providers to choose from.';
COMMENT ON COLUMN analysis.interventions.pam_score IS 'pam-scored: 0.0 to 100.0.';
COMMENT ON COLUMN analysis.interventions.pam_level IS 'pam-scored: 1 to 4.';
COMMENT ON COLUMN analysis.interventions.understand IS 'collaborate-scored: effort to help understand, 0 to 9.';
COMMENT ON COLUMN analysis.interventions.listen IS 'collaborate-scored: effort to listen to what matters, 0 to 9.';
COMMENT ON COLUMN analysis.interventions.include IS 'collaborate-scored: effort to include it in what is done next, 0 to 9.';
COMMENT ON COLUMN analysis.interventions.wte IS 'link-worker-joined, link-worker-left: whole-time equivalent.';

CREATE FUNCTION pcare.admit_analysts() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    by_hand CONSTANT text :=
        'CREATE ROLE pcare_analyst NOLOGIN; GRANT USAGE ON SCHEMA analysis TO pcare_analyst; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA analysis TO pcare_analyst;';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pcare_analyst') THEN
        BEGIN
            CREATE ROLE pcare_analyst NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN by_hand;
            -- roles are shared by all databases of a server: another one's migration was there first
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    GRANT USAGE ON SCHEMA analysis TO pcare_analyst;
    GRANT SELECT ON ALL TABLES IN SCHEMA analysis TO pcare_analyst;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pcare.admit_analysts IS
    'Lets the role pcare_analyst read the views of the schema analysis. Returns null, or what an administrator has to run.';
