ARG BASE=hotfix-sandbox/nginx-base:bookworm
FROM ${BASE}
COPY . /app
WORKDIR /app
EXPOSE 80
