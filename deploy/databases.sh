#!/bin/sh
# PostgreSQL's image runs this once, on an empty data folder: a database and a role for each service, and a role that
# writes nothing, for `waybill verify`; what it may read each service grants it, column by column.
set -eu
psql --set ON_ERROR_STOP=1 --set "password=$WAYBILL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE verify LOGIN PASSWORD :'password';
ALTER ROLE verify SET default_transaction_read_only = on;
SQL
for name in connectors orders fulfillment tracking labels portal; do
  psql --set ON_ERROR_STOP=1 --set "name=$name" --set "password=$WAYBILL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO verify;
SQL
done
# Builds the portal's projection anew; what it may write to comes with each planned generation.
psql --set ON_ERROR_STOP=1 --set "password=$WAYBILL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE portal_rebuild LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE portal TO portal_rebuild;
SQL
