package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// held wants the directory to hold exactly what a clone of the remote has.
func (p *product) held(s *Sync) {
	p.t.Helper()
	mustDo(p.t, s)
	p.settled(s)
	fresh := filepath.Join(p.t.TempDir(), "fresh")
	p.run(filepath.Dir(p.checkout), "clone", "-q", p.remote, fresh)
	for name := range content(p.t, fresh) {
		if got := content(p.t, s.Directory.Path)[name]; got != content(p.t, fresh)[name] {
			p.t.Errorf("%q is %q, in a fresh clone %q", name, got, content(p.t, fresh)[name])
		}
	}
}

// A linked worktree, whose .git is a file, and one that shows only a part of the files.
func TestALinkedOrSparseCheckoutIsASource(t *testing.T) {
	p := newProduct(t)
	write(t, p.checkout, "web/more pages/\u540d\u524d \"quoted\"\n.php", "odd, too\n")
	p.commit("more")
	s := p.sync()
	s.Repository = filepath.Join(t.TempDir(), "linked tree")
	p.run(p.checkout, "worktree", "add", "-q", "--detach", s.Repository)
	p.held(s)

	p.run(s.Repository, "sparse-checkout", "set", "bin") // which also turns extensions.worktreeConfig on
	write(t, p.checkout, "web/index.php", "<?php echo 2;\n")
	p.commit("second")
	next := p.sync()
	next.Repository, next.Directory = s.Repository, s.Directory
	p.held(next)
}

func TestARepositoryOfSHA256IsASource(t *testing.T) {
	p := newProduct(t)
	p.remote, p.checkout = p.remote+"256", p.checkout+"256"
	p.run(filepath.Dir(p.checkout), "init", "-q", "--bare", "--object-format=sha256", p.remote)
	p.run(filepath.Dir(p.checkout), "init", "-q", "--object-format=sha256", p.checkout)
	p.run(p.checkout, "remote", "add", "origin", p.remote)
	write(t, p.checkout, "web/index.php", "<?php echo 1;\n")
	p.commit("first")
	p.held(p.sync())
	write(t, p.checkout, "web/index.php", "<?php echo 2;\n")
	p.commit("second")
	p.held(p.sync())
}

// Large files of git-lfs are files in the directory, not pointers, and their absence is no success.
func TestLargeFilesAreThere(t *testing.T) {
	if _, err := exec.LookPath("git-lfs"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: git-lfs is not installed")
	}
	p := newProduct(t)
	p.run(p.checkout, "lfs", "install", "--local")
	p.run(p.checkout, "lfs", "track", "*.bin")
	write(t, p.checkout, "model.bin", "large\n")
	p.commit("a large file")
	if stored := p.run(p.checkout, "cat-file", "-p", "HEAD:model.bin"); len(stored) < 100 {
		t.Fatalf("git-lfs stored %q", stored)
	}
	s := p.sync()
	mustDo(t, s)
	p.settled(s)
	if got := content(t, s.Directory.Path)["model.bin"]; got != "-rw-r--r-- large\n" {
		t.Errorf("the directory holds %q", got)
	}

	write(t, p.checkout, "model.bin", "larger\n")
	p.commit("a larger file, which the server loses")
	must(t, os.RemoveAll(filepath.Join(p.remote, "lfs")))
	must(t, os.RemoveAll(filepath.Join(p.checkout, ".git", "lfs", "objects")))
	if _, err := do(t.Context(), p.sync()); err == nil {
		t.Errorf("without its large file the directory is taken for proven: %q", content(t, s.Directory.Path)["model.bin"])
	}
}

// A filter that must work and does not is a failure, and what it would have made is not taken for proven.
func TestARequiredFilterThatFails(t *testing.T) {
	p := newProduct(t)
	p.run(p.checkout, "config", "filter.vault.clean", "cat")
	p.run(p.checkout, "config", "filter.vault.smudge", "exit 1")
	p.run(p.checkout, "config", "filter.vault.required", "true")
	write(t, p.checkout, ".gitattributes", "*.vault filter=vault\n")
	write(t, p.checkout, "a.vault", "sealed\n")
	p.commit("sealed")
	if _, err := do(t.Context(), p.sync()); err == nil {
		t.Error("the filter failed, and the directory is taken for proven")
	}
	p.run(p.checkout, "config", "filter.vault.smudge", "cat")
	s := p.sync()
	mustDo(t, s)
	p.settled(s)
}
