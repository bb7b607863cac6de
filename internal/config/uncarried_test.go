package config

import (
	"slices"
	"strings"
	"testing"
)

func TestUncarried(t *testing.T) {
	const compose = `x-app: &app
  image: acme/php
  environment: &env { DATA: example, DB_HOST: localdb }
  env_file: .env
services:
  web: { image: acme/web, environment: [A=1, B], secrets: [tls, {source: key, target: /key}] }
  app: { <<: *app }
secrets: { tls: { file: tls.pem } }
`
	for _, c := range []struct {
		what, file, before, after string
		want                      []string
	}{
		{"a variable for all", "docker-compose.yml", compose, strings.Replace(compose, "DATA: example", "DATA: example, SMTP: hunter2", 1),
			[]string{"variable SMTP of app is new"}},
		{"a value", "stack.yml", compose, strings.Replace(compose, "A=1", "A=hunter2", 1), []string{"variable A of web changes"}},
		{"another secret", "stack.yaml", compose, strings.Replace(compose, "tls, {source: key", "{source: pass", 1),
			[]string{"secret pass of web is new", "secret key of web is gone", "secret tls of web is gone"}},
		{"an env file", "docker-compose.yml", compose, strings.Replace(compose, "env_file: .env", "env_file: [.env, {path: more.env}]", 1),
			[]string{"env file more.env of app is new"}},
		{"an image", "docker-compose.yml", compose, strings.Replace(compose, "acme/web", "acme/web:2", 1), nil},
		{"Docker Cloud", "docker-cloud.yml", "web: {image: a, environment: [A=1]}", "web: {image: a, environment: [A=1, B=2]}",
			[]string{"variable B of web is new"}},
		{"a file of its own", ".env", "A=1\nB=2\n", "# no\nA='hunter2'\nexport C=$A\n",
			[]string{"variable A changes", "variable C is new", "variable B is gone"}},
		{"a new file", "deploy/prod.env", "", "A=1\n", []string{"variable A is new"}},
		{"something else", "config/routes.yml", "home: {path: /}", "home: {path: /, environment: {A: 1}}", nil},
		{"a broken file", "docker-compose.yml", compose, "services: [", nil},
	} {
		got := Uncarried(c.file, []byte(c.before), []byte(c.after))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		if told := strings.Join(got, " "); strings.Contains(told, "hunter2") {
			t.Errorf("%s: a value is told: %s", c.what, told)
		}
	}
}
