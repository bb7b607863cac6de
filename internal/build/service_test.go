package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A prepare command in a service works in the build directory itself, as the caller, and leaves no container.
func TestRunIn(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	services := ComposeServices{Files: []string{"docker-compose.yml"}, Project: p.name, Engine: p.engine,
		Variables: p.verify(t, Verification{}).Variables}
	report := &told{}
	err := services.RunIn(t.Context(), p.Path, "worker", []string{"sh", "-c", `echo "$TOKEN" > made && id -u && echo $HOME`},
		map[string]string{"TOKEN": "it's"}, report)
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if text, err := os.ReadFile(filepath.Join(p.Path, "made")); err != nil || string(text) != "it's\n" {
		t.Errorf("it made %q, %v", text, err)
	}
	if want := fmt.Sprintf("%d\n/tmp\n", os.Getuid()); !strings.Contains(report.String(), want) {
		t.Errorf("%q is not in its output:\n%s", want, report)
	}
	p.gone(t)
	err = services.RunIn(t.Context(), p.Path, "worker", []string{"sh", "-c", "echo no such package; exit 9"}, nil, report)
	if err == nil || !strings.Contains(err.Error(), "exit code 9\nno such package") {
		t.Errorf("a failing one: %v", err)
	}
	p.gone(t)
	if err := services.RunIn(t.Context(), p.Path, "bilder", []string{"true"}, nil, report); err == nil || !strings.Contains(err.Error(), "bilder") {
		t.Errorf("an unknown service: %v", err)
	}
}

// Dependencies of the service are there when the command runs.
func TestRunInStartsDependencies(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	write(t, p.Path, "extra.yml", "services: {worker: {depends_on: {migrate: {condition: service_completed_successfully}}}}")
	services := ComposeServices{Files: []string{"docker-compose.yml", "extra.yml"}, Project: p.name, Engine: p.engine,
		Variables: p.verify(t, Verification{}).Variables}
	if err := services.RunIn(t.Context(), p.Path, "worker", []string{"grep", "1", "/data/schema"}, nil, &told{}); err != nil {
		t.Error(err)
	}
}
