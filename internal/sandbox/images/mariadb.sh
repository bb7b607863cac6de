#!/bin/sh
# Makes the database on the first start, sees to its user, and becomes the server.
set -eu
data=/var/lib/mysql
install -d -o mysql -g mysql "$data" /run/mysqld
if [ ! -d "$data/mysql" ]; then
    mariadb-install-db --user=mysql --skip-test-db >/dev/null
fi
umask 077
cat >/run/mysqld/init.sql <<SQL
CREATE USER IF NOT EXISTS '$DB_USER'@'%' IDENTIFIED BY '$DB_PASSWORD';
GRANT ALL ON \`${DB_NAME}\\_%\`.* TO '$DB_USER'@'%';
SQL
chown mysql:mysql /run/mysqld/init.sql
exec mariadbd --user=mysql --bind-address=0.0.0.0 --init-file=/run/mysqld/init.sql
