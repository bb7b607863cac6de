# shellcheck shell=bash
# The database of the data profile in $DATA.
: "${DATA:?which data profile?}"
# shellcheck disable=SC2034 # for the scripts that read this
database="${DB_NAME}_$DATA"
export MYSQL_PWD="$DB_PASSWORD"

sql() { mariadb --host="$DB_HOST" --user="$DB_USER" --batch --skip-column-names "$@"; }
