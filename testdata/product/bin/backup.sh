#!/bin/bash
# Keeps a copy of the database of $DATA among the user's files.
set -euo pipefail
cd "$(dirname "$0")/.."
source bin/database.inc.sh

file="/files/backup-$DATA-$(date -u +%Y%m%dT%H%M%SZ).sql.gz"
mariadb-dump --host="$DB_HOST" --user="$DB_USER" --single-transaction "$database" | gzip >"$file"
echo "$file"
