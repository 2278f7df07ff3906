-- By which key persons are told apart, and to which one they are moving: see docs/keys.md.

CREATE TABLE pcare.pseudonym_key (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    anchor     text    CHECK (anchor ~ '^k[0-9]{1,3}$'),
    following  text    CHECK (following ~ '^k[0-9]{1,3}$'),
    act        bigint  REFERENCES pcare.acts,
    CHECK (following <> anchor),
    CHECK (following IS NULL OR anchor IS NOT NULL)
);
INSERT INTO pcare.pseudonym_key DEFAULT VALUES;
COMMENT ON TABLE pcare.pseudonym_key IS 'The ids of pseudonym keys, never a key. One row.';
COMMENT ON COLUMN pcare.pseudonym_key.anchor IS
    'Nobody new begins but by a pseudonym under this key. Null: no key was ever changed, and any will do.';
COMMENT ON COLUMN pcare.pseudonym_key.following IS 'The key that everybody is being linked to; null: none.';
COMMENT ON COLUMN pcare.pseudonym_key.act IS 'The act that last changed it.';

CREATE FUNCTION pcare.pseudonym_keys() RETURNS TABLE (key text, persons bigint)
LANGUAGE sql STABLE
AS $$
    SELECT split_part(pseudonym, ':', 2), count(DISTINCT subject_id) FROM pcare.subjects GROUP BY 1
    UNION ALL
    SELECT NULL, count(DISTINCT subject_id) FROM pcare.subjects
$$;
COMMENT ON FUNCTION pcare.pseudonym_keys IS
    'How many persons have a pseudonym under each key; in the row without a key, how many there are.';
