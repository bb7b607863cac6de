ARG BASE=hotfix-sandbox/nginx-base:bookworm
FROM ${BASE}
COPY . /app
EXPOSE 80
