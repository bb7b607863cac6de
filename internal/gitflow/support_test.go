package gitflow

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if os.Getenv(holdLock) != "" {
		lockHolder()
	}
	os.Exit(run(m))
}

// run gives git a configuration of its own.
func run(m *testing.M) int {
	home, err := os.MkdirTemp("", "hotfix-gitflow-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	config := "[user]\n\tname = Tester\n\temail = tester@example.com\n[init]\n\tdefaultBranch = master\n" +
		"[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o644); err != nil {
		panic(err)
	}
	for name, value := range map[string]string{"HOME": home, "GIT_CONFIG_GLOBAL": filepath.Join(home, ".gitconfig"),
		"GIT_CONFIG_SYSTEM": os.DevNull, "XDG_CONFIG_HOME": home, "GIT_MERGE_AUTOEDIT": "no"} {
		os.Setenv(name, value)
	}
	return m.Run()
}

// sh runs git in dir and returns what it says.
func sh(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := (Git{}).Run(context.Background(), dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// save commits a file's new content.
func save(t *testing.T, dir, name, content string) {
	t.Helper()
	write(t, dir, name, content)
	sh(t, dir, "add", "-A")
	sh(t, dir, "commit", "-q", "-m", "Change "+name)
}

// A product is a server and one clone of it, with release 16.03.1 on master and more on develop.
type product struct{ root string }

func (p product) server() string { return filepath.Join(p.root, "server.git") }
func (p product) clone() string  { return filepath.Join(p.root, "clone") }

var template = sync.OnceValues(func() (string, error) {
	root, err := os.MkdirTemp(os.Getenv("HOME"), "product-")
	if err != nil {
		return "", err
	}
	script := `set -e
git init -q --bare server.git
git clone -q server.git clone 2>/dev/null
cd clone
printf 'a\nb\nc\nd\ne\nf\ng\n' > app.txt; echo 1 > version.txt; git add -A; git commit -q -m 'Begin'
git branch develop
git checkout -q -b release develop; echo 16.03.1 > version.txt; git commit -q -am 'Release 16.03.1'
git checkout -q master; git merge -q --no-ff -m "Merge branch 'release/16.03.1'" release; git tag -a -m 16.03.1 16.03.1
git checkout -q develop; git merge -q --no-ff -m "Merge tag '16.03.1' into develop" 16.03.1; git branch -q -d release
echo new > feature.txt; git add -A; git commit -q -m 'A feature'
git push -q --tags origin master develop; git branch -q -u origin/develop develop; git branch -q -u origin/master master
git remote set-head origin master`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return root, nil
})

func newProduct(t *testing.T) product {
	t.Helper()
	source, err := template()
	if err != nil {
		t.Fatal(err)
	}
	p := product{t.TempDir()}
	copyTree(t, source, p.root)
	sh(t, p.clone(), "remote", "set-url", "origin", p.server())
	return p
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// again clones the server once more, as a colleague would.
func (p product) again(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(p.root, name)
	sh(t, p.root, "clone", "-q", p.server(), dir)
	return dir
}

// patched is a product with a pushed hotfix 16.03.1a that changes one line.
func patched(t *testing.T) product {
	t.Helper()
	p := newProduct(t)
	mustRun(t, starter(t, p.clone(), "16.03.1a"))
	save(t, p.clone(), "app.txt", "a\nb\nc\nPATCHED\ne\nf\ng\n")
	sh(t, p.clone(), "push", "-q")
	return p
}

func open(t *testing.T, dir string) (*Repository, Settings) {
	t.Helper()
	r, err := Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Settings(context.Background(), Settings{})
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

func starter(t *testing.T, dir, version string) *Start {
	t.Helper()
	r, s := open(t, dir)
	return &Start{Repository: r, Settings: s, Version: version}
}

func finisher(t *testing.T, dir, version string) *Finish {
	t.Helper()
	r, s := open(t, dir)
	return &Finish{Repository: r, Settings: s, Version: version}
}

// waitFor waits until something is true.
func waitFor(t *testing.T, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come true")
		}
	}
}
