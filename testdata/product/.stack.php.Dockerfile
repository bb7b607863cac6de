ARG BASE=hotfix-sandbox/php-base:bookworm
FROM ${BASE}
COPY . /app
EXPOSE 9000
