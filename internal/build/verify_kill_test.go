package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// Ctrl-C while it comes up, and while it is checked: everything is taken down.
func TestVerifyInterrupted(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	for _, when := range []string{"web Created", "web Healthy"} {
		t.Run(when, func(t *testing.T) {
			spec := p.passing()
			spec.Checks = []Check{{HTTP: p.url("/broken")}}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			report := &told{}
			failed := make(chan error)
			go func() { failed <- p.verify(t, spec).do(ctx, report) }()
			words := regexp.MustCompile(`web-1 ` + strings.TrimPrefix(when, "web "))
			waitFor(t, when, func() bool { return words.MatchString(report.String()) })
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v\n%s", err, report)
			}
			p.gone(t)
		})
	}
}

// What a killed run left is removed by the next one; so is its copy.
func TestVerifyAfterAKill(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("HOTFIX_TEST_KILLED"); dir != "" { // the run that gets killed
		port, _ := strconv.Atoi(os.Getenv("HOTFIX_TEST_PORT"))
		p := &rig{Directory: Directory{Path: dir}, engine: sandbox.Engine(t), name: os.Getenv("HOTFIX_TEST_NAME"), port: port}
		spec := p.passing()
		spec.Prepare[0].Run = []string{"sleep", "300"}
		t.Fatal(p.verify(t, spec).do(t.Context(), &told{}))
	}
	p := newRig(t)
	child := exec.Command(os.Args[0], "-test.run=^TestVerifyAfterAKill$")
	child.Env = append(os.Environ(), "HOTFIX_TEST_KILLED="+p.Path, "HOTFIX_TEST_NAME="+p.name, fmt.Sprint("HOTFIX_TEST_PORT=", p.port))
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill() //nolint:errcheck // it has been, unless this test has failed
	waitFor(t, "its prepare command", func() bool {
		return slices.ContainsFunc(state(t, p), func(line string) bool { return strings.Contains(line, "worker-run-1") })
	})
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	if len(state(t, p)) == 0 {
		t.Error("the kill left nothing to remove")
	}
	if err := p.verify(t, p.passing()).do(t.Context(), &told{}); err != nil {
		t.Fatal(err)
	}
}
