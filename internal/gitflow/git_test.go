package gitflow

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGitStaysInItsDirectory(t *testing.T) {
	here, elsewhere := newProduct(t), newProduct(t)
	t.Setenv("GIT_DIR", filepath.Join(elsewhere.clone(), ".git"))
	t.Setenv("GIT_WORK_TREE", elsewhere.clone())
	t.Setenv("GIT_INDEX_FILE", filepath.Join(elsewhere.root, "index"))
	r, _ := open(t, filepath.Join(here.clone(), ".git", ".."))
	if r.Dir() != here.clone() || r.GitDir() != filepath.Join(here.clone(), ".git") {
		t.Errorf("in %s, %s", r.Dir(), r.GitDir())
	}
	mustKeep(t, elsewhere.root, func() { mustRun(t, starter(t, here.clone(), "16.03.1a")) })
}

func TestGitStopsWithItsChildren(t *testing.T) {
	for _, interactive := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err := Git{Interactive: interactive}.Run(ctx, newProduct(t).clone(), "-c", "alias.hang=!exec sleep 60", "hang")
		if err == nil || !strings.Contains(err.Error(), "git hang: context deadline exceeded") || time.Since(begin) > 9*time.Second {
			t.Errorf("interactive %v: %v after %v", interactive, err, time.Since(begin))
		}
	}
}

func TestGitTellsWhatItNeeds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "git", "#!/bin/sh\necho git version 2.37.9\n")
	if err := os.Chmod(filepath.Join(dir, "git"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string]string{dir: "git 2.37 is too old", t.TempDir(): "git is not installed"} {
		t.Setenv("PATH", path)
		if _, err := Open(t.Context(), dir); err == nil || err.Error() != words {
			t.Errorf("got %v, want %s", err, words)
		}
	}
}

// gpg stands for gpg, and notes that it was asked.
const gpg = `#!/bin/sh
cat > /dev/null
case "$*" in
*--verify*) printf '\n[GNUPG:] GOODSIG 1 Tester\n'; echo 'gpg: Good signature from Tester' >&2; exit 0 ;;
esac
echo signed >> %s
printf -- '-----BEGIN PGP SIGNATURE-----\n\nfake\n-----END PGP SIGNATURE-----\n'
printf '\n[GNUPG:] SIG_CREATED \n' >&2
`

func TestFinishSignsWhatIsPublished(t *testing.T) {
	p := patched(t)
	asked := filepath.Join(p.root, "asked")
	write(t, p.root, "gpg", strings.Replace(gpg, "%s", asked, 1))
	if err := os.Chmod(filepath.Join(p.root, "gpg"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"commit.gpgSign": "true", "tag.gpgSign": "true", "gpg.program": filepath.Join(p.root, "gpg")} {
		sh(t, p.clone(), "config", name, value)
	}
	f := finisher(t, p.clone(), "16.03.1a")
	if _, _, err := plan(f); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("planning signs")
	}
	mustRun(t, f)
	for _, object := range []string{"master", "develop", "16.03.1a"} {
		if got := sh(t, p.server(), "cat-file", "-p", object); !strings.Contains(got, "BEGIN PGP SIGNATURE") {
			t.Errorf("%s is not signed: %s", object, got)
		}
	}
	if got := sh(t, p.server(), "log", "-1", "--format=%B", "develop"); strings.TrimSpace(got) != "Merge tag '16.03.1a' into develop\n\n16.03.1a" {
		t.Errorf("develop's message is %q", got)
	}
}
