package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script: what the program says and does where no engine is needed. Each begins in a clone
// of a repository with master, develop and the tag 16.03.1.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		Setup:               acme,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// exits wants a command to end with this status: exits 2 hotfix start nonsense.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit %d, want %s", code, args[0])
	}
}

const repository = `set -eu
git init --quiet --bare "$WORK/acme.git"
git clone --quiet "$WORK/acme.git" "$WORK/acme" 2>/dev/null
cd "$WORK/acme"
printf 'one\ntwo\nthree\n' > page.txt
git add . && git commit --quiet -m 'Release 16.03.1' && git tag -m 'Release 16.03.1' 16.03.1
git switch --quiet -c develop && echo more > other.txt && git add . && git commit --quiet -m 'More'
git push --quiet origin master develop 16.03.1`

func acme(e *testscript.Env) error {
	gitconfig := "[user]\n\tname = A Developer\n\temail = developer@acme.example\n[init]\n\tdefaultBranch = master\n[push]\n\tautoSetupRemote = true\n"
	file := filepath.Join(e.WorkDir, "gitconfig")
	if err := os.WriteFile(file, []byte(gitconfig), 0o644); err != nil {
		return err
	}
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("GIT_CONFIG_GLOBAL", file)
	e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	e.Setenv("GIT_TERMINAL_PROMPT", "0")
	e.Cd = filepath.Join(e.WorkDir, "acme")
	cmd := exec.Command("sh", "-c", repository)
	cmd.Env = append(e.Vars, "PATH="+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// TestHelpIsQuick: `hotfix --help` takes under 25 ms; on a slow or busy machine, under six times what `go version` takes
// there, each at its best.
func TestHelpIsQuick(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "hotfix")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	help, yardstick := time.Hour, time.Hour
	for range 20 {
		help = min(help, takes(t, binary, "--help"))
		yardstick = min(yardstick, takes(t, "go", "version"))
	}
	t.Logf("%s; go version takes %s", help, yardstick)
	if help > max(25*time.Millisecond, 6*yardstick) {
		t.Errorf("hotfix --help takes %s", help)
	}
}

func takes(t *testing.T, program string, args ...string) time.Duration {
	t.Helper()
	start := time.Now()
	if err := exec.Command(program, args...).Run(); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
