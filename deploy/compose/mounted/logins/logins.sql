-- Who may log in to the database, each with the password of its file, and as whom. May be repeated: a password that was
-- changed in its file is changed here. Run by psql as the owner, after the migrations, which say what each role may do.
\set ON_ERROR_STOP on
\set QUIET on
-- An error would take the statement, and with it a password, into the server's log.
SET log_min_error_statement = panic;

\set login ingest
\set role pcare_edge
\ir login.sql

\set login recorder
\set role pcare_recorder
\ir login.sql

\set login operator
\set role pcare_operator
\ir login.sql

\set login auditor
\set role pcare_auditor
\ir login.sql

\set login sealer
\set role pcare_sealer
\ir login.sql

\set login grafana
\set role pcare_grafana
\ir login.sql

-- Beside what their roles may do, which is to read. The settings of a role hold for its own login only.
ALTER ROLE auditor SET default_transaction_read_only = on;
ALTER ROLE grafana SET default_transaction_read_only = on;

\echo 'The logins are as planned.'
