package build

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestSecretsAreResolvedOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".env", "DB_PASSWORD=from-file\nTOKEN=from-file\n")
	s := &Secrets{
		Directory: dir, EnvFiles: []string{".env"},
		Commands: map[string][]string{
			"TOKEN": {"sh", "-c", "echo run >> runs; echo from-command"},
			"KEY":   {"printf", `line one\nline two\n`},
		},
	}
	if got, want := s.Names(), []string{"DB_PASSWORD", "KEY", "TOKEN"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
	if value, err := s.Value(t.Context(), "TOKEN"); err != nil || value != "from-command" {
		t.Errorf("Value = %q, %v", value, err)
	}
	for range 2 {
		if err := s.Resolve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"DB_PASSWORD": "from-file", "TOKEN": "from-command", "KEY": "line one\nline two"}
	if got := s.Values(); !reflect.DeepEqual(got, want) {
		t.Errorf("Values = %q, want %q", got, want)
	}
	if runs, _ := os.ReadFile(filepath.Join(dir, "runs")); string(runs) != "run\n" {
		t.Errorf("the command ran: %q", runs)
	}
	if _, err := s.Value(t.Context(), "NONE"); err == nil {
		t.Error("a secret that isn't there was found")
	}
}

func TestASecretsCommandAsks(t *testing.T) {
	var asked bytes.Buffer
	s := &Secrets{
		Commands: map[string][]string{"TOKEN": {"sh", "-c", "echo 'Passphrase:' >&2; read p; echo got-$p"}},
		Stdin:    strings.NewReader("open sesame\n"), Stderr: &asked,
	}
	if value, err := s.Value(t.Context(), "TOKEN"); err != nil || value != "got-open sesame" || asked.String() != "Passphrase:\n" {
		t.Errorf("Value = %q, %v, after asking %q", value, err, asked.String())
	}
}

// Whatever goes wrong, errors name the secret, never a value.
func TestSecretsNeverReachAnError(t *testing.T) {
	const value = "s3cret-va1ue"
	dir := t.TempDir()
	write(t, dir, "known.env", "KNOWN="+value+"\n")
	write(t, dir, "colon.env", "A=b\nthe "+value+"! is here\n")
	write(t, dir, "open.env", "A=\""+value+"\n")
	write(t, dir, "dollar.env", "A=x\nPASSWORD=pa$"+strings.ReplaceAll(value, "-", "_")+"\n")
	for name, test := range map[string]struct {
		secrets *Secrets
		want    []string
	}{
		"printed, then failed": {&Secrets{Commands: map[string][]string{"TOKEN": {"sh", "-xc", "echo " + value + "; echo bad vault >&2; exit 3"}}}, []string{"TOKEN", "sh", "bad vault"}},
		"another one's value": {&Secrets{EnvFiles: []string{"known.env"}, Commands: map[string][]string{
			"TOKEN": {"sh", "-c", "cat known.env >&2; false"}}}, []string{"TOKEN"}},
		"in an argument":   {&Secrets{Commands: map[string][]string{"TOKEN": {"false", value}}}, []string{"TOKEN", "false"}},
		"no such command":  {&Secrets{Commands: map[string][]string{"TOKEN": {"no-such-vault", value}}}, []string{"TOKEN", "no-such-vault is not installed"}},
		"nothing printed":  {&Secrets{Commands: map[string][]string{"TOKEN": {"true"}}}, []string{"TOKEN", "nothing"}},
		"no command":       {&Secrets{Commands: map[string][]string{"TOKEN": {}}}, []string{"TOKEN"}},
		"not name=value":   {&Secrets{EnvFiles: []string{"colon.env"}}, []string{"colon.env", "line 2"}},
		"quote not closed": {&Secrets{EnvFiles: []string{"open.env"}}, []string{"open.env", "line"}},
		"a dollar sign":    {&Secrets{EnvFiles: []string{"dollar.env"}}, []string{"dollar.env", "line 2"}},
		"no such file":     {&Secrets{EnvFiles: []string{"none.env"}}, []string{"none.env", "no such file"}},
		"a directory":      {&Secrets{EnvFiles: []string{"."}}, []string{"directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.secrets.Directory = dir
			err := test.secrets.Resolve(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			text := fmt.Sprint(err, flow.Hints(err))
			if strings.Contains(text, "s3cret") || len(flow.Hints(err)) == 0 {
				t.Errorf("error: %s", text)
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in: %s", want, text)
				}
			}
		})
	}
}

func TestEnvFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.env", "\ufeff# a comment with $FOO\nexport HOST=db.example.com\n\nQUOTED='pa$word #1'\nDOUBLE=\"a\\nb\"\n")
	write(t, dir, "b.env", "URL=mysql://${HOST}:${PORT:-3306}/${UNSET-x}\nFROM=$OUTSIDE\nHOST=other # comment\n1BAD=x\n")
	s := &Secrets{Directory: dir, EnvFiles: []string{"a.env", "b.env"}, Lookup: func(name string) (string, bool) {
		return "outside", name == "OUTSIDE"
	}}
	if err := s.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"HOST": "other", "QUOTED": "pa$word #1", "DOUBLE": "a\nb", "URL": "mysql://db.example.com:3306/x", "FROM": "outside",
	}
	if got := s.Values(); !reflect.DeepEqual(got, want) {
		t.Errorf("Values = %q, want %q", got, want)
	}
}

func TestChecksNameEachSecret(t *testing.T) {
	dir := t.TempDir()
	s := &Secrets{Directory: dir, EnvFiles: []string{".env"}, Commands: map[string][]string{"A": {"echo", "value-of-a"}, "B": {"false"}}}
	v := someVariables(t, nil, s)
	results := map[string]bool{}
	for _, check := range v.Checks() {
		finding, err := check.Do(t.Context())
		results[check.What] = err == nil
		if strings.Contains(finding, "value-of-a") {
			t.Errorf("%s tells the value", check.What)
		}
	}
	want := map[string]bool{"env files .env": false, "secret A": true, "secret B": false}
	if !reflect.DeepEqual(results, want) {
		t.Errorf("checks: %v, want %v", results, want)
	}
}
