-- The audit trail as a chain: each act holds the hash of the one before it, so none can be changed, taken away, put in
-- between or moved without every later one giving it away. docs/audit-trail.md says how to compute it again.

-- Beside the acts, and added when a transaction commits: an act that was written early in a long transaction keeps
-- nobody else's waiting, and the positions have the order of commits and no gaps, which `number` has not.
CREATE TABLE pcare.acts_chain (
    position  bigint PRIMARY KEY CHECK (position > 0),
    act       bigint NOT NULL UNIQUE REFERENCES pcare.acts,
    previous  bytea  NOT NULL CHECK (octet_length(previous) = 32),
    hash      bytea  NOT NULL CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE pcare.acts_chain IS
    'The acts in the order in which they were committed, each with the hash of the one before: see docs/audit-trail.md.';
COMMENT ON COLUMN pcare.acts_chain.previous IS 'The hash at the position before; of the first: 32 zero bytes.';
COMMENT ON COLUMN pcare.acts_chain.hash IS 'SHA-256 of what pcare.act_hash names.';

INSERT INTO pcare.rights (relation, recorder, operator, sealer) VALUES ('acts_chain', '', 'SELECT', 'SELECT');

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON pcare.acts_chain
    FOR EACH STATEMENT EXECUTE FUNCTION pcare.refuse_change();
ALTER TABLE pcare.acts_chain ENABLE ALWAYS TRIGGER append_only;

CREATE FUNCTION pcare.act_hash(previous bytea, place bigint, act pcare.acts) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT sha256(convert_to(string_agg(octet_length(field) || ':' || field || ',', '' ORDER BY n), 'UTF8'))
    FROM unnest(ARRAY[
        'pcare.acts.v1',
        encode(previous, 'hex'),
        place::text,
        act.number::text,
        to_char(act.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        act.who,
        act.login,
        act.what,
        act.why,
        act.details::text
    ]) WITH ORDINALITY AS fields (field, n)
$$;
COMMENT ON FUNCTION pcare.act_hash IS
    'SHA-256 of ten netstrings (length in bytes, colon, UTF-8, comma): version, previous hash, position, and the act''s columns.';

CREATE FUNCTION pcare.chain_act() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER  -- nobody but this function adds to the chain
SET search_path = pg_catalog
AS $$
DECLARE
    head pcare.acts_chain;
    place bigint;
    before bytea;
BEGIN
    -- A table's lock, for which one has to be its owner: an advisory lock could be taken by whoever has a login, and
    -- held against ingest. Whoever reads is not in its way.
    LOCK TABLE pcare.acts_chain IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO head FROM pcare.acts_chain ORDER BY position DESC LIMIT 1;
    place := coalesce(head.position, 0) + 1;
    before := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
    INSERT INTO pcare.acts_chain (position, act, previous, hash)
    VALUES (place, NEW.number, before, pcare.act_hash(before, place, NEW));
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    -- a transaction that sees no later than its beginning cannot see the head that others have made since
    RAISE EXCEPTION 'acts were added to the audit trail since this transaction began; do it again'
        USING ERRCODE = 'serialization_failure';
END
$$;
COMMENT ON FUNCTION pcare.chain_act IS 'Puts an act at the end of the chain when its transaction commits.';

-- no act that is being added meanwhile may stay out of the chain
LOCK TABLE pcare.acts IN SHARE ROW EXCLUSIVE MODE;

DO $$
DECLARE
    act pcare.acts;
    place bigint := 0;
    before bytea := decode(repeat('00', 32), 'hex');
    made bytea;
BEGIN
    FOR act IN SELECT * FROM pcare.acts ORDER BY number LOOP
        place := place + 1;
        made := pcare.act_hash(before, place, act);
        INSERT INTO pcare.acts_chain VALUES (place, act.number, before, made);
        before := made;
    END LOOP;
END
$$;

CREATE CONSTRAINT TRIGGER chained AFTER INSERT ON pcare.acts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pcare.chain_act();
ALTER TABLE pcare.acts ENABLE ALWAYS TRIGGER chained;

CREATE FUNCTION pcare.acts_head(OUT head_position bigint, OUT head_hash bytea) RETURNS SETOF record
LANGUAGE sql STABLE
SECURITY DEFINER  -- tells nothing of what was done
SET search_path = pg_catalog
AS $$ SELECT position, hash FROM pcare.acts_chain ORDER BY position DESC LIMIT 1 $$;
COMMENT ON FUNCTION pcare.acts_head IS 'Where the chain of acts ends, for a checkpoint that is signed; no row where nobody did anything.';

CREATE FUNCTION pcare.put_down_audit(who text, what text, why text, details json) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog
AS $$
DECLARE
    added bigint;
BEGIN
    -- an auditor does nothing to the record, and must not be able to say that somebody did
    IF what !~ '^audit-[a-z][a-z0-9-]{1,60}$' THEN
        RAISE EXCEPTION 'an audit does not do %', what USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF octet_length(who) > 200 OR octet_length(why) > 2000 OR octet_length(details::text) > 20000 THEN
        RAISE EXCEPTION 'that is too much for one line of the audit trail' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO pcare.acts (who, what, why, details) VALUES (who, what, why, details) RETURNING number INTO added;
    RETURN added;
END
$$;
COMMENT ON FUNCTION pcare.put_down_audit IS
    'Adds to the audit trail what an auditor asked of the record, and returns the number of the act. All that an auditor may write.';

-- Trigger functions cannot be called; the rest is decided here and in pcare.admit_auditors.
REVOKE ALL ON FUNCTION pcare.put_down_audit(text, text, text, json), pcare.chain_act() FROM PUBLIC;

CREATE FUNCTION pcare.admit_auditors() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['pcare_auditor', 'pcare_operator'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION pcare.put_down_audit TO %I', role);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pcare.admit_auditors IS
    'Lets auditors, and operators who audit, add to the audit trail what they asked. Called after pcare.admit_roles, which makes the roles.';
REVOKE ALL ON FUNCTION pcare.admit_auditors() FROM PUBLIC;
