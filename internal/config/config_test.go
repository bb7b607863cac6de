package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hotfix/internal/flow"
)

func TestEveryErrorAtOnceWithItsPlace(t *testing.T) {
	_, err := Parse("hotfix.yml", []byte(`project: acme
images:
  php:
    repositori: x
    dockerfile: [a]
verify:
  keep: perhaps
  timeout: soon
stacks:
  production: { target: nomad }
secrets: { TOKEN: cat }
`), nil)
	if !errors.Is(err, flow.ErrUsage) {
		t.Fatalf("not a usage error: %v", err)
	}
	for _, want := range []string{
		"hotfix.yml:4:5: images.php.repositori: there is no such key; the keys here: repository, dockerfile",
		"hotfix.yml:5:17: images.php.dockerfile: want a single value",
		"hotfix.yml:7:9: verify.keep: want true or false",
		"hotfix.yml:8:12: verify.timeout: want a time",
		"hotfix.yml:11:19: secrets.TOKEN: want a list",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestSenseIsCheckedOnceTheShapeIsRight(t *testing.T) {
	_, err := Parse("hotfix.yml", []byte(`image-tag: latest
images:
  php: { repository: r/x, dockerfile: D, ignore: a, filter: b }
verify:
  checks:
    - { http: "http://x", run: [a] }
    - { run: [a] }
build: { copy: [../secret] }
stacks:
  production:
    target: nomad
    migrate: { service: php }
    cache: { cloudflare: { purge: everything } }
  staging: { target: compose, update: start-first }
  swarm: { target: swarm, update: start-first }
  cloud: { target: dockercloud, host: "ssh://x", replace: false, update: start-first }
`), nil)
	for _, want := range []string{
		"1:12: image-tag: must contain ${COMMITSHA}",
		"3:8: images.php: ignore and filter exclude each other",
		"6:7: verify.checks.0: want either",
		"7:7: verify.checks.1: want in:",
		"8:17: build.copy.0: want a path inside",
		`11:13: stacks.production.target: "nomad" is none of: compose, swarm, dockercloud`,
		"stacks.staging.update: only a swarm can",
		"stacks.production.migrate: want service: and run:",
		"stacks.cloud: Docker Cloud has no docker engine to reach",
		"stacks.cloud.replace: on Docker Cloud a service runs what its tag names",
		"stacks.cloud.update: only a swarm can",
		"stacks.production.cache.cloudflare: want zones:",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestVariablesAreExpandedButForTheImageTag(t *testing.T) {
	f, err := Parse("hotfix.yml", []byte(`images:
  php: { repository: "${REGISTRY}/php", dockerfile: D }
stacks: { production: { timeout: 90s } }
`), func(s string) (string, error) { return strings.ReplaceAll(s, "${REGISTRY}", "r.example.com"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if f.Images["php"].Repository != "r.example.com/php" || f.ImageTag != "git-commit-${COMMITSHA}" {
		t.Errorf("got %+v", f)
	}
	s := f.Stacks["production"]
	if time.Duration(s.Timeout) != 90*time.Second || s.Name != "production" || s.Target != "compose" || !s.Replaces() {
		t.Errorf("got %+v", s)
	}
	_, err = Parse("hotfix.yml", []byte("project: ${NOPE}\n"), func(string) (string, error) { return "", fmt.Errorf("there is no variable NOPE") })
	if err == nil || !strings.Contains(err.Error(), "hotfix.yml:1:10: project: there is no variable NOPE") {
		t.Errorf("got %v", err)
	}
}

func TestAnEmptyFileIsAFile(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "project: a\n"} {
		if _, err := Parse("hotfix.yml", []byte(text), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
