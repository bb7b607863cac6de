ARG BASE=hotfix-sandbox/php-base:bookworm
FROM ${BASE}
COPY . /app
WORKDIR /app
EXPOSE 9000
