#!/bin/bash
# Makes the database of $DATA anew. Never to be run on a live stack.
set -euo pipefail
cd "$(dirname "$0")/.."
source bin/database.inc.sh

sql -e "DROP DATABASE IF EXISTS $database"
bin/migrate.sh
