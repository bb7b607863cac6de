#!/bin/sh
# Healthy: php-fpm runs the application's code.
SCRIPT_FILENAME=/app/public/health.php REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000 | grep '^ok'
