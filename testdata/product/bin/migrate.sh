#!/bin/bash
# Runs the migrations that the database of $DATA has not seen, in order. --status only lists them.
set -euo pipefail
cd "$(dirname "$0")/.."
source bin/database.inc.sh

seen=
if [ -n "$(sql -e "SHOW DATABASES LIKE '${database//_/\\_}'")" ]; then
    seen=$(sql "$database" -e 'SELECT version FROM schema_migrations' 2>/dev/null || true)
fi
for file in dna/db/migrations/*.sql; do
    version=$(basename "$file" .sql)
    grep -qxF "$version" <<<"$seen" && continue
    if [ "${1:-}" = --status ]; then
        echo "$version"
        continue
    fi
    echo "$database: $version"
    sql -e "CREATE DATABASE IF NOT EXISTS $database; CREATE TABLE IF NOT EXISTS $database.schema_migrations (version VARCHAR(100) PRIMARY KEY, applied TIMESTAMP)"
    sql "$database" <"$file"
    sql "$database" -e "INSERT INTO schema_migrations (version) VALUES ('$version')"
done
