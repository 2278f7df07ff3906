-- One login: :login, a member of :role, with the password of its file.
\set password `cat "/run/secrets/postgres-":'login'`
SELECT format('CREATE ROLE %I', wanted)
FROM unnest(ARRAY[:'role', :'login']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec
ALTER ROLE :"login" LOGIN PASSWORD :'password';
GRANT :"role" TO :"login";
