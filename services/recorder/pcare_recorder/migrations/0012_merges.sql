-- Subjects that turned out to be one person: see docs/keys.md and docs/architecture.md.

CREATE TABLE pcare.merges (
    gone          uuid        PRIMARY KEY,
    kept          uuid        NOT NULL CHECK (kept <> gone),
    merged_at     timestamptz NOT NULL,
    -- json, not jsonb: what is published again is the same to the byte
    published     json        NOT NULL,
    sources       text[]      NOT NULL,
    ids           text[]      NOT NULL CHECK (cardinality(ids) = cardinality(sources)),
    published_at  timestamptz
);
-- finds what is to be published: looked for every second, and nearly always nothing
CREATE INDEX merges_to_publish ON pcare.merges (merged_at) WHERE published_at IS NULL;
COMMENT ON TABLE pcare.merges IS
    'Two subjects that are one person. The events of the one that is gone are moved in the transaction that adds the row.';
COMMENT ON COLUMN pcare.merges.published IS 'The text on interventions.recorded and interventions.subjects, to the byte.';
COMMENT ON COLUMN pcare.merges.ids IS 'With sources: the events that were moved, and are published anew.';
COMMENT ON COLUMN pcare.merges.published_at IS
    'When the merge, and the events that were moved, were on the topics; null: a recorder is about to see to it.';

CREATE FUNCTION pcare.person_of(subject uuid) RETURNS uuid
LANGUAGE sql STABLE
AS $$
    WITH RECURSIVE chain (subject, depth) AS (
        SELECT person_of.subject, 0
        UNION ALL
        SELECT m.kept, depth + 1 FROM chain JOIN pcare.merges AS m ON m.gone = chain.subject
    )
    SELECT chain.subject FROM chain ORDER BY depth DESC LIMIT 1
$$;
COMMENT ON FUNCTION pcare.person_of IS 'Who a subject turned out to be, by all merges; itself, where it was never merged.';

CREATE FUNCTION pcare.refuse_circle() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF pcare.person_of(NEW.kept) = NEW.gone THEN
        RAISE EXCEPTION 'a merge that leads back to where it began' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER no_circle BEFORE INSERT OR UPDATE ON pcare.merges
    FOR EACH ROW EXECUTE FUNCTION pcare.refuse_circle();
