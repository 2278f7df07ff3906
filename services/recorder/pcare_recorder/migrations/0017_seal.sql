-- What nobody can change unseen: each recorded event is a leaf of a Merkle tree, whose root is signed now and then and
-- published. See docs/tamper-evidence.md. `pcare audit seal` alone writes here.

CREATE TABLE pcare.leaves (
    leaf              bigint           PRIMARY KEY CHECK (leaf >= 0),
    hash              bytea            NOT NULL CHECK (octet_length(hash) = 32),
    origin_topic      text COLLATE "C" NOT NULL,
    origin_partition  integer          NOT NULL,
    origin_offset     bigint           NOT NULL
);
-- A recorded event is one leaf. One act may merge several subjects, each a record: those are in the order of their hashes.
CREATE UNIQUE INDEX leaves_origin ON pcare.leaves (origin_topic, origin_partition, origin_offset)
    WHERE origin_topic <> 'pcare.acts';
CREATE UNIQUE INDEX leaves_act ON pcare.leaves (origin_offset, hash) WHERE origin_topic = 'pcare.acts';
COMMENT ON TABLE pcare.leaves IS
    'The leaves of the Merkle tree, numbered from 0: what was recorded, in the order in which it was sealed. Rows are added, never changed.';
COMMENT ON COLUMN pcare.leaves.hash IS
    'RFC 6962: SHA-256 of a zero byte and the text as it was on interventions.recorded when it was sealed.';
COMMENT ON COLUMN pcare.leaves.origin_topic IS 'With partition and offset: of the event; of a merge pcare.acts, 0 and the act.';

CREATE TABLE pcare.checkpoints (
    size              bigint      NOT NULL CHECK (size >= 0),
    made_at           timestamptz NOT NULL,
    note              text        NOT NULL,
    published_at      timestamptz,
    published_offset  bigint,
    PRIMARY KEY (size, made_at),
    CHECK ((published_at IS NULL) = (published_offset IS NULL))
);
-- finds what is to be published: nearly always nothing
CREATE INDEX checkpoints_to_publish ON pcare.checkpoints (size, made_at) WHERE published_at IS NULL;
-- not unique: where Kafka was lost, other offsets were those of a topic that is no more
CREATE INDEX checkpoints_published ON pcare.checkpoints (published_offset);
COMMENT ON TABLE pcare.checkpoints IS
    'The signed statements that the tree had this root, in their order. Rows are added; only where they were published changes.';
COMMENT ON COLUMN pcare.checkpoints.note IS 'The C2SP checkpoint, signed: to the byte what is on interventions.checkpoints.';
COMMENT ON COLUMN pcare.checkpoints.published_at IS
    'When Kafka acknowledged it; null: the sealer is about to publish it, or Kafka lost it.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pcare.leaves
    FOR EACH STATEMENT EXECUTE FUNCTION pcare.refuse_change();
ALTER TABLE pcare.leaves ENABLE ALWAYS TRIGGER append_only;
CREATE TRIGGER append_only BEFORE UPDATE OF size, made_at, note OR DELETE OR TRUNCATE ON pcare.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION pcare.refuse_change();
ALTER TABLE pcare.checkpoints ENABLE ALWAYS TRIGGER append_only;

-- The acts are in no topic, and merges, which have their numbers, are in the log: a database that was made anew from the
-- log must give no number to another act that a merge had, or a later merge would come before what was sealed.
CREATE FUNCTION pcare.number_acts_after_merges() RETURNS bigint
LANGUAGE sql
SECURITY DEFINER  -- whoever restores the merges does not own the numbers
SET search_path = pg_catalog
AS $$
    SELECT setval(pg_get_serial_sequence('pcare.acts', 'number'), merged.act)
    FROM (SELECT max(split_part(published ->> 'origin', '/', 3)::bigint) AS act FROM pcare.merges) AS merged
    WHERE merged.act > coalesce(pg_sequence_last_value(pg_get_serial_sequence('pcare.acts', 'number')), 0)
$$;
COMMENT ON FUNCTION pcare.number_acts_after_merges IS
    'Lets the numbers of acts go on behind that of the last merge; null where they do already.';
REVOKE ALL ON FUNCTION pcare.number_acts_after_merges() FROM PUBLIC;

-- ---- who may do what

ALTER TABLE pcare.rights ADD COLUMN sealer text NOT NULL DEFAULT '';
COMMENT ON TABLE pcare.rights IS
    'What the roles pcare_recorder, pcare_operator and pcare_sealer may do with each table of the schema pcare, as GRANT words it; empty: nothing. A migration that makes a table adds its row.';
INSERT INTO pcare.rights (relation, recorder, operator, sealer) VALUES
    ('leaves',      '', 'SELECT', 'SELECT, INSERT'),
    ('checkpoints', '', 'SELECT', 'SELECT, INSERT, UPDATE (published_at, published_offset)');
UPDATE pcare.rights SET sealer = 'SELECT'
WHERE relation IN ('schema_migrations', 'published', 'interventions', 'merges', 'cursors', 'acts');

CREATE OR REPLACE FUNCTION pcare.admit_roles() RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    role text;
    missing text[] := '{}';
    place text;
    may pcare.rights;
BEGIN
    FOREACH role IN ARRAY ARRAY['pcare_recorder', 'pcare_operator', 'pcare_sealer', 'pcare_auditor', 'pcare_grafana'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION
                WHEN insufficient_privilege THEN
                    missing := missing || format('CREATE ROLE %I NOLOGIN;', role);
                    CONTINUE;
                -- roles are shared by all databases of a server: another one's migration was there first
                WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        -- what an earlier release granted and this one does not goes: nobody sees the moment between
        FOREACH place IN ARRAY ARRAY['pcare', 'analysis', 'desk', 'edge', 'dashboards'] LOOP
            CONTINUE WHEN to_regnamespace(place) IS NULL;
            EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', place, role);
            CONTINUE WHEN CASE role
                WHEN 'pcare_auditor' THEN false
                WHEN 'pcare_grafana' THEN place <> 'dashboards'
                WHEN 'pcare_operator' THEN place NOT IN ('pcare', 'desk')
                ELSE place <> 'pcare'
            END;
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, role);
            IF role IN ('pcare_auditor', 'pcare_grafana') OR place = 'desk' THEN
                EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', place, role);
            END IF;
        END LOOP;
        FOR may IN SELECT * FROM pcare.rights LOOP
            place := CASE role
                WHEN 'pcare_recorder' THEN may.recorder
                WHEN 'pcare_operator' THEN may.operator
                WHEN 'pcare_sealer' THEN may.sealer
                ELSE ''
            END;
            IF place <> '' THEN
                EXECUTE format('GRANT %s ON pcare.%I TO %I', place, may.relation, role);
            END IF;
        END LOOP;
        IF role = 'pcare_operator' THEN
            GRANT EXECUTE ON FUNCTION pcare.number_acts_after_merges TO pcare_operator;
        END IF;
    END LOOP;
    RETURN nullif(array_to_string(missing, ' '), '');
END
$$;
COMMENT ON FUNCTION pcare.admit_roles IS
    'Lets the roles of recorder, operators, sealer, auditors and Grafana do what pcare.rights says, and no more. Returns null, or what an administrator has to run before it is called again.';
