-- What breakdowns and KPIs read gets columns of its own, and the published text, three quarters of a row, a table of its
-- own: a year of a million events is then read in a third of the time, whatever columns are asked for.
--
-- Texts are compared by code point: that is the order in which facts count, and much cheaper than a language's.

CREATE FUNCTION pcare.ref_field(kind text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN kind = 'sdm-conversation' THEN 'conversation_ref'
    WHEN kind IN ('care-plan-agreed', 'care-plan-reviewed', 'care-plan-ended', 'care-plan-declined') THEN 'plan_ref'
    WHEN kind IN ('phb-issued', 'phb-ended') THEN 'budget_ref'
    WHEN kind IN (
        'choice-offered', 'sp-referral', 'sp-declined', 'sp-closed',
        'self-management-referral', 'self-management-completed'
    ) THEN 'referral_ref'
END;
COMMENT ON FUNCTION pcare.ref_field IS 'The field of a kind''s data that the column ref holds, if it has one.';

ALTER TABLE pcare.interventions RENAME TO interventions_before;

CREATE TABLE pcare.published (
    origin_topic      text COLLATE "C" NOT NULL,
    origin_partition  integer          NOT NULL,
    origin_offset     bigint           NOT NULL,
    -- json, not jsonb: what is published again after a restart is the same to the byte
    published         json             NOT NULL,
    CONSTRAINT published_origin PRIMARY KEY (origin_topic, origin_partition, origin_offset)
);
COMMENT ON TABLE pcare.published IS
    'For each row of interventions, in the same transaction: the text on interventions.recorded, to the byte.';
INSERT INTO pcare.published
SELECT origin_topic, origin_partition, origin_offset, published FROM pcare.interventions_before;

-- What is read most stands first: a row is read from its beginning.
CREATE TABLE pcare.interventions (
    occurred_at       timestamptz      NOT NULL,
    recorded_at       timestamptz      NOT NULL,
    month             date             NOT NULL GENERATED ALWAYS AS (
        date_trunc('month', occurred_at AT TIME ZONE 'Europe/London')::date
    ) STORED,
    -- pcare.financial_year(occurred_at), at a third of its price: this is paid with every row
    financial_year    text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        date_part('year', (occurred_at AT TIME ZONE 'Europe/London') - interval '3 months')::integer || '/'
        || right(date_part('year', (occurred_at AT TIME ZONE 'Europe/London') + interval '9 months')::integer::text, 2)
    ) STORED,
    kind              text COLLATE "C" NOT NULL,
    borough           text COLLATE "C",
    pcn               text COLLATE "C",
    practice          text COLLATE "C",
    age_band          text COLLATE "C",
    sex               text COLLATE "C",
    ethnic_category   text COLLATE "C",
    imd_decile        smallint,
    subject           text COLLATE "C" NOT NULL,
    source            text COLLATE "C" NOT NULL,
    id                text COLLATE "C" NOT NULL,
    cohorts           text[],
    reasons           text[],
    setting           text COLLATE "C",
    situation         text COLLATE "C",
    starts            date,
    one_off           boolean,
    ref_source        text COLLATE "C",
    ref               text COLLATE "C",
    retracts          text COLLATE "C",
    -- jsonb, so that a filter need not parse it again: to record a row costs about 1 % more than with json
    details           jsonb,
    content_sha256    bytea            NOT NULL CHECK (octet_length(content_sha256) = 32),
    rules_version     text COLLATE "C" NOT NULL,
    origin_topic      text COLLATE "C" NOT NULL,
    origin_partition  integer          NOT NULL,
    origin_offset     bigint           NOT NULL,
    -- An event is its (source, id), for ever. Never partition this table by time: PostgreSQL would then enforce
    -- the key only within a partition.
    CONSTRAINT interventions_event PRIMARY KEY (source, id),
    CHECK ((ref IS NULL) = (ref_source IS NULL))
);
COMMENT ON COLUMN pcare.interventions.subject IS 'As in the log: a person is person:<uuid>, never a pseudonym.';
COMMENT ON COLUMN pcare.interventions.occurred_at IS 'The event''s time: decides its financial year.';
COMMENT ON COLUMN pcare.interventions.month IS 'The first day of the month of occurred_at, in London.';
COMMENT ON COLUMN pcare.interventions.ref_source IS 'Who gave the ref: the event''s ref_source, else its source.';
COMMENT ON COLUMN pcare.interventions.recorded_at IS 'The broker''s timestamp of the submitted record; no clock is read.';
COMMENT ON COLUMN pcare.interventions.details IS 'What the event''s data holds beside what has a column here; null for nothing.';

INSERT INTO pcare.interventions (
    occurred_at, recorded_at, kind, borough, pcn, practice, age_band, sex, ethnic_category, imd_decile, subject, source,
    id, cohorts, reasons, setting, situation, starts, one_off, ref_source, ref, retracts, details, content_sha256,
    rules_version, origin_topic, origin_partition, origin_offset
)
SELECT
    i.occurred_at, i.recorded_at, i.kind, i.borough, d.pcn, d.practice, d.age_band, d.sex, d.ethnic_category,
    d.imd_decile, i.subject, i.source, i.id, d.cohorts, d.reasons, d.setting, d.situation, d.starts, d.one_off,
    i.ref_source, i.ref, i.retracts,
    nullif(
        to_jsonb(data) - ARRAY[
            'borough', 'pcn', 'practice', 'age_band', 'sex', 'ethnic_category', 'imd_decile', 'cohorts', 'reasons',
            'setting', 'situation', 'starts', 'one_off', 'retracts'
        ]
        - CASE WHEN i.ref IS NULL THEN '{}' ELSE ARRAY['ref_source', pcare.ref_field(i.kind)] END,
        '{}'
    ),
    i.content_sha256, i.rules_version, i.origin_topic, i.origin_partition, i.origin_offset
FROM pcare.interventions_before AS i
CROSS JOIN LATERAL (SELECT i.published -> 'data') AS p (data)
CROSS JOIN LATERAL jsonb_to_record(to_jsonb(data)) AS d (
    pcn text, practice text, age_band text, sex text, ethnic_category text, imd_decile smallint, cohorts text[],
    reasons text[], setting text, situation text, starts date, one_off boolean
)
-- in the order of time, as they are recorded from now on
ORDER BY i.recorded_at;

DROP TABLE pcare.interventions_before;

-- Finds what is taken back, and nothing else.
CREATE INDEX interventions_retractions ON pcare.interventions (retracts, source, subject)
INCLUDE (recorded_at) WHERE kind = 'event-retracted';

-- Rows arrive more or less in the order of time, so the months that a query leaves out are passed over by the block.
CREATE INDEX interventions_times ON pcare.interventions USING brin (occurred_at, month, financial_year)
WITH (pages_per_range = 32, autosummarize = on);
