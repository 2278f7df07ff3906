-- What people do about the record: the audit trail, the desk of rejected events, and the circuit breaker's releases.

-- Who did what by hand, and why. Whatever a command changes, it changes in the transaction that adds its act.
CREATE TABLE pcare.acts (
    number   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    who      text        NOT NULL CHECK (who <> ''),
    login    text        NOT NULL DEFAULT session_user,
    what     text        NOT NULL CHECK (what <> ''),
    why      text        NOT NULL CHECK (why <> ''),
    details  json        NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE pcare.acts IS
    'The audit trail: what people did to the record by command. Rows are added, never changed. In no topic: back it up.';
COMMENT ON COLUMN pcare.acts.who IS 'As whoever typed the command says; login is whom the database knows.';

CREATE FUNCTION pcare.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '%.% is an audit trail: rows are added, never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
COMMENT ON FUNCTION pcare.refuse_change IS 'Keeps a table append-only, for its owner too.';

-- A rejected event that somebody sends in again. A row is written before it is sent: one without an arrival was
-- interrupted, and may or may not have been sent. To send it again is harmless: an event is its (source, id).
CREATE TABLE pcare.redrives (
    number            bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act               bigint  NOT NULL REFERENCES pcare.acts,
    origin_topic      text    NOT NULL,
    origin_partition  integer NOT NULL,
    origin_offset     bigint  NOT NULL,
    source            text    NOT NULL,
    id                text    NOT NULL,
    changed           boolean NOT NULL,
    sha256            bytea   NOT NULL CHECK (octet_length(sha256) = 32)
);
CREATE INDEX redrives_origin ON pcare.redrives (origin_topic, origin_partition, origin_offset);
COMMENT ON TABLE pcare.redrives IS 'Rejected events, by the origin of the rejection, that were about to be sent in again.';
COMMENT ON COLUMN pcare.redrives.changed IS 'Whether the event was mended; else the very bytes that were rejected.';
COMMENT ON COLUMN pcare.redrives.sha256 IS 'Of the bytes that were sent.';

CREATE TABLE pcare.redrive_arrivals (
    redrive         bigint  PRIMARY KEY REFERENCES pcare.redrives,
    sent_topic      text    NOT NULL,
    sent_partition  integer NOT NULL,
    sent_offset     bigint  NOT NULL
);
CREATE INDEX redrive_arrivals_sent ON pcare.redrive_arrivals (sent_topic, sent_partition, sent_offset);
COMMENT ON TABLE pcare.redrive_arrivals IS 'Where a redrive was acknowledged by Kafka.';

-- Offsets that retention deleted before they were judged, and that somebody told the recorder to pass over.
CREATE TABLE pcare.gaps (
    topic         text    NOT NULL,
    partition     integer NOT NULL,
    first_offset  bigint  NOT NULL,
    last_offset   bigint  NOT NULL CHECK (last_offset >= first_offset),
    act           bigint  NOT NULL REFERENCES pcare.acts,
    PRIMARY KEY (topic, partition, first_offset)
);
COMMENT ON TABLE pcare.gaps IS
    'Lost: offsets that retention deleted before the recorder judged them. Control records among them were no events.';

-- The circuit breaker does not count what stands below the highest of these offsets of a partition.
CREATE TABLE pcare.breaker_releases (
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    next_offset  bigint  NOT NULL,
    act          bigint  NOT NULL REFERENCES pcare.acts,
    PRIMARY KEY (topic, partition, next_offset)
);
COMMENT ON TABLE pcare.breaker_releases IS
    'Below these offsets the recorder judges whatever comes: somebody looked at it and said that it may go on.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['acts', 'redrives', 'redrive_arrivals', 'gaps', 'breaker_releases'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pcare.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION pcare.refuse_change()', name
        );
        EXECUTE format('ALTER TABLE pcare.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
END
$$;

-- ---- the desk

CREATE INDEX rejections_received ON pcare.rejections (received_at);

CREATE TABLE pcare.desk_members (
    login   name             NOT NULL,
    source  text COLLATE "C" NOT NULL REFERENCES pcare.providers,
    PRIMARY KEY (login, source)
);
COMMENT ON TABLE pcare.desk_members IS
    'Which provider a login of the role pcare_provider belongs to: it sees the rejections of that provider alone.';

CREATE SCHEMA IF NOT EXISTS desk;
COMMENT ON SCHEMA desk IS 'What was rejected, for those whose it is (role pcare_provider): see docs/rejections.md.';

-- Whoever may read the table sees all of it; everybody else what is theirs. What came by a provider's own topic is that
-- provider's, whatever source it claims; what came by ingest is whose source it claims. Nobody owns the rest.
--
-- A security barrier, so that no condition of its reader is asked about a row that is not the reader's.
CREATE VIEW desk.rejections WITH (security_barrier = true) AS
SELECT
    r.origin_topic || '/' || r.origin_partition || '/' || r.origin_offset AS rejection,
    r.origin_topic, r.origin_partition, r.origin_offset,
    r.received_at,
    CASE WHEN r.sender IS NULL THEN claimed.code ELSE coalesce(owner.code, r.sender) END AS provider,
    CASE WHEN r.sender IS NULL THEN claimed.name ELSE owner.name END AS provider_name,
    r.sender, r.source, r.id AS event_id, r.reason, r.errors, r.evidence, r.redacted,
    (r.published #>> '{data,size}')::bigint AS size,
    r.published #>> '{data,sha256}' AS sha256,
    r.rules_version,
    CASE
        -- the provider itself has sent it right since; where the id is somebody's else, that says nothing
        WHEN r.reason <> 'id_reused' AND (r.sender IS NULL OR lower(claimed.code) = r.sender) AND EXISTS (
            SELECT FROM pcare.interventions AS i WHERE i.source = r.source AND i.id = r.id
        ) THEN 'recorded'
        ELSE coalesce((
            SELECT CASE
                WHEN a.redrive IS NULL THEN 'interrupted'
                WHEN EXISTS (
                    SELECT FROM pcare.rejections AS again
                    WHERE again.origin_topic = a.sent_topic AND again.origin_partition = a.sent_partition
                      AND again.origin_offset = a.sent_offset
                ) THEN 'rejected_again'
                -- lost before it was judged: as if it had never arrived
                WHEN EXISTS (
                    SELECT FROM pcare.gaps AS g
                    WHERE g.topic = a.sent_topic AND g.partition = a.sent_partition
                      AND a.sent_offset BETWEEN g.first_offset AND g.last_offset
                ) THEN 'interrupted'
                WHEN EXISTS (
                    SELECT FROM pcare.cursors AS c
                    WHERE c.topic = a.sent_topic AND c.partition = a.sent_partition AND c.next_offset > a.sent_offset
                ) THEN 'recorded'
                ELSE 'sent'
            END
            FROM pcare.redrives AS d LEFT JOIN pcare.redrive_arrivals AS a ON a.redrive = d.number
            WHERE d.origin_topic = r.origin_topic AND d.origin_partition = r.origin_partition
              AND d.origin_offset = r.origin_offset
            ORDER BY d.number DESC LIMIT 1
        ), 'waiting')
    END AS state
FROM pcare.rejections AS r
LEFT JOIN pcare.providers AS claimed ON claimed.source = r.source
LEFT JOIN (
    SELECT DISTINCT ON (lower(p.code)) lower(p.code) AS slug, p.code, p.name
    FROM pcare.providers AS p ORDER BY lower(p.code), p.name IS NULL, p.source
) AS owner ON owner.slug = r.sender
WHERE (SELECT has_table_privilege(current_user, 'pcare.rejections'::regclass, 'SELECT'))
   OR r.sender = ANY (ARRAY(
        SELECT lower(p.code) FROM pcare.desk_members AS m JOIN pcare.providers AS p USING (source)
        WHERE m.login = current_user
   ))
   OR (r.sender IS NULL AND r.source = ANY (ARRAY(
        SELECT m.source FROM pcare.desk_members AS m WHERE m.login = current_user
   )));
COMMENT ON VIEW desk.rejections IS 'Rejected events and what became of them: all, or those of the reader''s provider.';
COMMENT ON COLUMN desk.rejections.rejection IS 'Its name: where the record stood, topic/partition/offset.';
COMMENT ON COLUMN desk.rejections.provider IS
    'Whose topic it came by, or whose source it claims: a code of the register, or null where that cannot be told.';
COMMENT ON COLUMN desk.rejections.state IS
    'waiting; interrupted (a redrive that may have been sent); sent (not judged yet); recorded; rejected_again.';

CREATE VIEW desk.redrives WITH (security_barrier = true) AS
SELECT
    r.rejection,
    d.number,
    act.at,
    CASE WHEN (SELECT has_table_privilege(current_user, 'pcare.acts'::regclass, 'SELECT')) THEN act.who END AS who,
    CASE WHEN (SELECT has_table_privilege(current_user, 'pcare.acts'::regclass, 'SELECT')) THEN act.why END AS why,
    d.changed, d.source, d.id AS event_id,
    a.sent_topic || '/' || a.sent_partition || '/' || a.sent_offset AS sent
FROM desk.rejections AS r
JOIN pcare.redrives AS d USING (origin_topic, origin_partition, origin_offset)
JOIN pcare.acts AS act ON act.number = d.act
LEFT JOIN pcare.redrive_arrivals AS a ON a.redrive = d.number;
COMMENT ON VIEW desk.redrives IS
    'Every time that a rejected event was sent in again. Who did it and why is shown to whoever may read pcare.acts.';
COMMENT ON COLUMN desk.redrives.sent IS 'Where it went, topic/partition/offset; null if it was interrupted.';

CREATE FUNCTION pcare.admit_providers() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    by_hand CONSTANT text :=
        'CREATE ROLE pcare_provider NOLOGIN; GRANT USAGE ON SCHEMA desk TO pcare_provider; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA desk TO pcare_provider;';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pcare_provider') THEN
        BEGIN
            CREATE ROLE pcare_provider NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN by_hand;
            -- roles are shared by all databases of a server: another one's migration was there first
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    GRANT USAGE ON SCHEMA desk TO pcare_provider;
    GRANT SELECT ON ALL TABLES IN SCHEMA desk TO pcare_provider;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pcare.admit_providers IS
    'Lets the role pcare_provider read the views of the schema desk. Returns null, or what an administrator has to run.';
