#!/bin/sh
# The status page, as php-fpm here serves it: with the code of this image and a migrated database.
set -eu
page=$(SCRIPT_FILENAME=/app/public/index.php REQUEST_URI=/status REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000)
echo "$page" | tail -n 1
echo "$page" | grep -q '"schema":"[0-9]'
