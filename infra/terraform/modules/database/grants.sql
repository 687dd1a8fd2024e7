-- Run once, as the migrate user, before the first migration (docs/infrastructure.md): the tables that it will create
-- belong to it, and server and jobs may read and write their rows but not change or drop them.
-- psql --set server=ACCOUNT --set jobs=ACCOUNT --file grants.sql
GRANT USAGE ON SCHEMA public TO :"server", :"jobs";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"server", :"jobs";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"server", :"jobs";
