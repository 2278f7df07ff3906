-- Who may do what in the database: a role for each kind of program, each with as little as it can do its work with.
-- A login of a program is a member of its role: see docs/security.md. The owner alone changes the schema.

CREATE TABLE pcare.rights (
    relation  name PRIMARY KEY,
    recorder  text NOT NULL,
    operator  text NOT NULL
);
COMMENT ON TABLE pcare.rights IS
    'What the roles pcare_recorder and pcare_operator may do with each table of the schema pcare, as GRANT words it; empty: nothing. A migration that makes a table adds its row.';

INSERT INTO pcare.rights (relation, recorder, operator) VALUES
    ('schema_migrations', 'SELECT', 'SELECT'),
    ('rights',            '',       'SELECT'),
    ('rules',             'SELECT, INSERT', 'SELECT'),
    -- recorded once, for ever: a merge of persons moves events to another subject, and nothing else of them
    ('interventions',     'SELECT, INSERT', 'SELECT, INSERT, UPDATE (subject, content_sha256)'),
    ('published',         'SELECT, INSERT', 'SELECT, INSERT, UPDATE (published)'),
    ('rejections',        'SELECT, INSERT', 'SELECT, INSERT'),
    -- to delete is to erase a person, and what a rebuild does with links that the log has not
    ('subjects',          'SELECT, INSERT', 'SELECT, INSERT, UPDATE, DELETE'),
    ('cursors',           'SELECT, INSERT, UPDATE', 'SELECT, INSERT, UPDATE, DELETE'),
    ('code_list',         '', 'SELECT'),
    ('kpi_catalogue',     '', 'SELECT'),
    ('kpi_targets',       '', 'SELECT'),
    ('providers',         'SELECT, INSERT, UPDATE (code, name, kind)', 'SELECT, INSERT, UPDATE (code, name, kind)'),
    -- not by which login, nor when: the database says that itself
    ('acts',              '', 'SELECT, INSERT (who, what, why, details)'),
    ('redrives',          '', 'SELECT, INSERT'),
    ('redrive_arrivals',  '', 'SELECT, INSERT'),
    ('gaps',              '', 'SELECT, INSERT'),
    ('breaker_releases',  'SELECT', 'SELECT, INSERT'),
    ('desk_members',      '', 'SELECT, INSERT, DELETE'),
    ('register',          'SELECT', 'SELECT, INSERT, UPDATE'),
    ('register_state',    'SELECT', 'SELECT'),
    -- all but the hash of the secret, which nobody reads but ingest and an auditor
    ('credentials',       '', 'SELECT (id, source, form, jwks, valid_from, expires_at, revoked_at, act), INSERT, UPDATE (jwks, revoked_at, act)'),
    -- the recorder locks its row (FOR SHARE), for which it must be allowed to update a column: this one is always true
    ('pseudonym_key',     'SELECT, UPDATE (single)', 'SELECT, UPDATE'),
    ('merges',            'SELECT, UPDATE (published_at)', 'SELECT, INSERT, UPDATE');

-- Who changes the register moves its counters; nobody moves them by hand, or a revocation could be kept from ingest.
ALTER FUNCTION pcare.count_change() SECURITY DEFINER SET search_path = pg_catalog;

CREATE FUNCTION pcare.admit_roles() RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    role text;
    missing text[] := '{}';
    place text;
    may pcare.rights;
BEGIN
    FOREACH role IN ARRAY ARRAY['pcare_recorder', 'pcare_operator', 'pcare_auditor', 'pcare_grafana'] LOOP
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
            place := CASE role WHEN 'pcare_recorder' THEN may.recorder WHEN 'pcare_operator' THEN may.operator ELSE '' END;
            IF place <> '' THEN
                EXECUTE format('GRANT %s ON pcare.%I TO %I', place, may.relation, role);
            END IF;
        END LOOP;
    END LOOP;
    RETURN nullif(array_to_string(missing, ' '), '');
END
$$;
COMMENT ON FUNCTION pcare.admit_roles IS
    'Lets the roles of recorder, operators, auditors and Grafana do what pcare.rights says, and no more. Returns null, or what an administrator has to run before it is called again.';

-- They change rights and views, as their caller: nobody but the owner has any use for them.
REVOKE ALL ON FUNCTION
    pcare.admit_roles(), pcare.admit_analysts(), pcare.admit_providers(), pcare.admit_edge(), pcare.make_kpi_views()
FROM PUBLIC;
