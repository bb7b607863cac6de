package build

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func someVariables(t *testing.T, own map[string]string, secrets *Secrets) *Variables {
	t.Helper()
	v, err := NewVariables(Routine{
		DeployedSHA: "3209ce7", Branch: "hotfix/16.03.1b", Remote: "https://bot:t0ken@git.example.com/acme.git",
		Directory: "/build", Version: "16.03.1b", Release: "16.03.1",
	}, own, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVariablesPhaseShowsThemAndDoesNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".env", "PASSWORD=hunter22\n")
	v := someVariables(t, map[string]string{"DATA": "example"}, &Secrets{Directory: dir, EnvFiles: []string{".env"}})
	actions, err := v.Plan(t.Context())
	why, ok := flow.NothingToDo(err)
	if !ok || len(actions) != 0 {
		t.Fatalf("Plan = %v, %v", actions, err)
	}
	want := "COMMITSHA=3209ce7 BRANCH_TO_DEPLOY=hotfix/16.03.1b, and 5 more (hotfix env)"
	if why != want {
		t.Errorf("it says %q, want %q", why, want)
	}
}

func TestCredentialsLeaveAURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://bot:t0ken@h/x.git":       "https://h/x.git",
		"https://t0ken@h/x.git":           "https://h/x.git",
		"ssh://git@h:22/x.git":            "ssh://git@h:22/x.git",
		"ssh://git:t0ken@h/x.git":         "ssh://git@h/x.git",
		"git@github.com:acme/product.git": "git@github.com:acme/product.git",
		"/srv/acme.git":                   "/srv/acme.git",
	} {
		if got := withoutCredentials(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestExpandHasComposesRules(t *testing.T) {
	v := someVariables(t, map[string]string{"DATA": "example", "EMPTY": "", "DOLLAR": "a${b}$c"}, nil)
	for in, want := range map[string]string{
		"git-commit-${COMMITSHA}":    "git-commit-3209ce7",
		"$VERSION.$RELEASE":          "16.03.1b.16.03.1",
		"${DATA}:-${EMPTY}-${DATA}":  "example:--example",
		"${NONE:-x}${NONE-y}":        "xy",
		"${EMPTY:-${DATA}}":          "example",
		"${EMPTY-x}|${DATA:+set}":    "|set",
		"$$DATA $${DATA} $$$DATA":    "$DATA ${DATA} $example",
		"${DOLLAR}":                  "a${b}$c",
		"no variable, ünïcode \n {}": "no variable, ünïcode \n {}",
	} {
		if got, err := v.Expand(in); err != nil || got != want {
			t.Errorf("Expand(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestExpandRefusesWhatIsNotThere(t *testing.T) {
	secrets := &Secrets{Commands: map[string][]string{"TOKEN": {"echo", "s3cret-value"}}}
	if err := secrets.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := someVariables(t, nil, secrets)
	for in, want := range map[string]string{
		"${COMMITHSA}":         "there is no variable COMMITHSA",
		"${VERSION}-$NONE":     "there is no variable NONE",
		"${A:-${B}}":           "there is no variable B",
		"${VERSION:-x}-${B}":   "there is no variable B",
		"${A:?say which}":      "say which",
		"purge ${TOKEN}":       "TOKEN is a secret",
		"${not closed ${DATA}": "expand",
	} {
		got, err := v.Expand(in)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Expand(%q) = %q, %v; want an error with %q", in, got, err, want)
		} else if !errors.Is(err, flow.ErrUsage) || len(flow.Hints(err)) == 0 {
			t.Errorf("Expand(%q): %v is no refusal with a hint", in, err)
		}
	}
}

func TestTheRoutinesNamesAreTaken(t *testing.T) {
	if _, err := NewVariables(Routine{}, map[string]string{"COMMITSHA": "x"}, nil); !errors.Is(err, flow.ErrUsage) {
		t.Errorf("COMMITSHA as a variable of one's own: %v", err)
	}
	both := &Secrets{Commands: map[string][]string{"DATA": {"true"}}}
	if _, err := NewVariables(Routine{}, map[string]string{"DATA": "x"}, both); !errors.Is(err, flow.ErrUsage) {
		t.Errorf("DATA as a variable and a secret: %v", err)
	}
}

// A real shell evaluates what Export wrote, and has the very values in its environment.
func TestExportSurvivesARealShell(t *testing.T) {
	odd := map[string]string{
		"QUOTES": `it's "quoted" '' \'`, "DOLLAR": "$HOME ${HOME} $(id) `id`", "LINES": "a\nb\n\n", "EMPTY": "",
		"SPACE": "  lead and trail\t", "BACK": `\n\\`, "GLOB": "* ? [a] ~ !x", "UMLAUT": "Größe €", "HASH": "a #b;c&d|e>f",
		"not.a-name": "x'; touch pwned; '", "EQ": "a=b",
	}
	secrets := &Secrets{Commands: map[string][]string{"TOKEN": {"printf", `s3'cret\n\n`}}}
	if err := secrets.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := someVariables(t, odd, secrets)
	for _, with := range []bool{false, true} {
		dir := t.TempDir()
		cmd := exec.Command("sh", "-c", `eval "$SCRIPT"; unset SCRIPT; exec env -0`)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "SCRIPT=" + v.Export(with)}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got := bytes.Split(out, []byte{0})
		for name, value := range v.Map(with) {
			line := []byte(name + "=" + value)
			if found := contains(got, line); found != (name != "not.a-name") {
				t.Errorf("with secrets %v: %q in the shell's environment: %v", with, line, found)
			}
		}
		if found := contains(got, []byte("TOKEN=s3'cret\n")); found != with {
			t.Errorf("with secrets %v: the token is there: %v", with, found)
		}
		if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
			t.Error("a name was run as a command")
		}
	}
}

func contains(lines [][]byte, line []byte) bool {
	for _, l := range lines {
		if bytes.Equal(l, line) {
			return true
		}
	}
	return false
}
