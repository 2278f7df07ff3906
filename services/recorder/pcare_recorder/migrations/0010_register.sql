-- The provider register and the credentials of providers, kept by `pcare providers`; and what ingest may read of them.

CREATE TABLE pcare.register (
    source             text COLLATE "C" PRIMARY KEY,
    name               text     NOT NULL CHECK (name <> ''),
    kind               text     NOT NULL,
    valid_from         date,
    valid_to           date,
    successor          text,
    -- null: every kind
    kinds              text[]   CHECK (kinds <> '{}'),
    events_per_second  integer  CHECK (events_per_second > 0),
    act                bigint   NOT NULL REFERENCES pcare.acts
);
COMMENT ON TABLE pcare.register IS
    'Providers that were registered here. An entry stands before one of the same source in a register file.';
COMMENT ON COLUMN pcare.register.kinds IS 'The kinds of event that it may send; null: all.';
COMMENT ON COLUMN pcare.register.events_per_second IS 'Over HTTP; null: what ingest grants by default.';
COMMENT ON COLUMN pcare.register.act IS 'The act that last changed it.';

-- The secret of an API key is 256 random bits, so that its SHA-256 cannot be turned round by guessing.
CREATE TABLE pcare.credentials (
    id             text        PRIMARY KEY CHECK (id <> ''),
    source         text COLLATE "C" NOT NULL REFERENCES pcare.register,
    form           text        NOT NULL CHECK (form IN ('api_key', 'private_key_jwt')),
    secret_sha256  bytea       CHECK (octet_length(secret_sha256) = 32),
    jwks           json,
    valid_from     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz CHECK (expires_at > valid_from),
    revoked_at     timestamptz,
    act            bigint      NOT NULL REFERENCES pcare.acts,
    CHECK ((form = 'api_key') = (secret_sha256 IS NOT NULL)),
    CHECK ((form = 'private_key_jwt') = (jwks IS NOT NULL))
);
CREATE INDEX credentials_source ON pcare.credentials (source);
COMMENT ON TABLE pcare.credentials IS 'By what a provider proves over HTTP who it is. No secret is kept.';
COMMENT ON COLUMN pcare.credentials.id IS 'Public: the first part of an API key, or the client id of OAuth 2.';
COMMENT ON COLUMN pcare.credentials.jwks IS 'The public keys (a JSON Web Key Set) whose signatures are accepted.';

-- Whoever holds a copy compares these two numbers, and reads again only when they have moved.
CREATE TABLE pcare.register_state (
    single       boolean PRIMARY KEY DEFAULT true CHECK (single),
    register     bigint  NOT NULL DEFAULT 0,
    credentials  bigint  NOT NULL DEFAULT 0
);
INSERT INTO pcare.register_state DEFAULT VALUES;
COMMENT ON TABLE pcare.register_state IS 'How often the register and the credentials have changed.';

CREATE FUNCTION pcare.count_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_TABLE_NAME = 'register' THEN
        UPDATE pcare.register_state SET register = register + 1;
    ELSE
        UPDATE pcare.register_state SET credentials = credentials + 1;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pcare.register
    FOR EACH STATEMENT EXECUTE FUNCTION pcare.count_change();
CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON pcare.credentials
    FOR EACH STATEMENT EXECUTE FUNCTION pcare.count_change();

-- ---- what ingest reads (role pcare_edge): the register, the credentials, and what became of an event

CREATE SCHEMA IF NOT EXISTS edge;
COMMENT ON SCHEMA edge IS 'What ingest reads, and the acts that it adds (role pcare_edge).';

CREATE VIEW edge.state AS SELECT register, credentials FROM pcare.register_state;
CREATE VIEW edge.register AS
SELECT source, name, kind, valid_from, valid_to, successor, kinds, events_per_second FROM pcare.register;
CREATE VIEW edge.credentials AS
SELECT id, source, form, secret_sha256, jwks, valid_from, expires_at FROM pcare.credentials WHERE revoked_at IS NULL;

-- What became of events: the reader looks for one by source and id, or by where it was accepted.
CREATE VIEW edge.recorded AS
SELECT i.source, i.id, i.kind, i.recorded_at, i.origin_topic, i.origin_partition, i.origin_offset,
    EXISTS (
        SELECT FROM pcare.interventions AS r
        WHERE r.kind = 'event-retracted' AND r.source = i.source AND r.subject = i.subject AND r.retracts = i.id
    ) AS retracted
FROM pcare.interventions AS i;
-- Whose a rejection is: what came by a provider's own topic is that provider's (by the last part of the topic's name),
-- whatever source it claims; what came by ingest is whose source it claims.
CREATE VIEW edge.rejected AS
SELECT source, id, reason, errors, received_at, origin_topic, origin_partition, origin_offset,
    coalesce(sender, source) AS owner
FROM pcare.rejections;
-- finds what became of an event, and a provider's rejections in the order in which they came
CREATE INDEX rejections_event ON pcare.rejections (source, id);
CREATE INDEX rejections_owner
ON pcare.rejections (coalesce(sender, source), received_at, origin_topic, origin_partition, origin_offset);
CREATE VIEW edge.cursors AS SELECT topic, partition, base_offset, next_offset FROM pcare.cursors;

-- replaced where the schema pcare was lost and made anew: no table of it keeps this from staying
CREATE OR REPLACE FUNCTION edge.add_act(who text, what text, why text, details json) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    added bigint;
BEGIN
    -- ingest is no person: it says what a provider asked of it, and nothing else
    IF what NOT IN ('pseudonyms-given') THEN
        RAISE EXCEPTION 'ingest does not do %', what USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO pcare.acts (who, what, why, details) VALUES (who, what, why, details) RETURNING number INTO added;
    RETURN added;
END
$$;
REVOKE ALL ON FUNCTION edge.add_act FROM PUBLIC;
COMMENT ON FUNCTION edge.add_act IS 'Adds to the audit trail what a provider did through ingest.';

CREATE FUNCTION pcare.admit_edge() RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    by_hand CONSTANT text :=
        'CREATE ROLE pcare_edge NOLOGIN; GRANT USAGE ON SCHEMA edge TO pcare_edge; '
        'GRANT SELECT ON ALL TABLES IN SCHEMA edge TO pcare_edge; GRANT EXECUTE ON FUNCTION edge.add_act TO pcare_edge;';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pcare_edge') THEN
        BEGIN
            CREATE ROLE pcare_edge NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN by_hand;
            -- roles are shared by all databases of a server: another one's migration was there first
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    GRANT USAGE ON SCHEMA edge TO pcare_edge;
    GRANT SELECT ON ALL TABLES IN SCHEMA edge TO pcare_edge;
    GRANT EXECUTE ON FUNCTION edge.add_act TO pcare_edge;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION pcare.admit_edge IS
    'Lets the role pcare_edge, a login of ingest''s, read the schema edge. Returns null, or what an administrator has to run.';
