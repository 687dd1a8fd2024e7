#!/usr/bin/env bash
# Entry point of the stand-in for postgres:15: make the cluster at the first start, with user, password and database of
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, then become the server.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username "$POSTGRES_USER" --pwfile <(echo "$POSTGRES_PASSWORD") --auth-local trust \
    --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # no other client can connect before the database exists
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec "$@" -c listen_addresses='*'
