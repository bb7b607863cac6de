package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Release is what the sandbox's live stack runs.
const Release = "16.03.1"

// publish makes the git remote, with master, develop and the release's tag, and the developer's clone of it.
func (w *World) publish(ctx context.Context, product string) error {
	if err := os.WriteFile(w.path("gitconfig"), []byte(gitconfig), 0o600); err != nil {
		return err
	}
	if err := os.CopyFS(w.Clone, os.DirFS(product)); err != nil {
		return err
	}
	if err := w.fillIn(filepath.Join(w.Clone, "hotfix.yml")); err != nil {
		return err
	}
	if err := restoreModes(product, w.Clone); err != nil {
		return err
	}
	readme := "# Acme\n\nSee stack.yml for what runs, and hotfix.yml for how it is patched.\n"
	steps := []func() error{
		func() error { return w.git(ctx, "init", "--bare", "--quiet", w.Remote) },
		func() error { return w.git(ctx, "init", "--quiet") },
		func() error { return w.git(ctx, "remote", "add", "origin", w.Remote) },
		func() error { return w.commit(ctx, "Release "+Release) },
		func() error { return w.git(ctx, "tag", "-m", "Release "+Release, Release) },
		func() error { return w.git(ctx, "switch", "--quiet", "-c", "develop") },
		func() error { return os.WriteFile(filepath.Join(w.Clone, "README.md"), []byte(readme), 0o644) },
		func() error { return w.commit(ctx, "A page for newcomers") },
		func() error { return w.git(ctx, "push", "--quiet", "-u", "origin", "master", "develop", Release) },
		func() error {
			return os.WriteFile(filepath.Join(w.Clone, ".env"), []byte("DB_PASSWORD="+w.password+"\n"), 0o600)
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("make the repository: %w", err)
		}
	}
	sha, err := w.Git(ctx, "rev-parse", "--short=7", Release+"^{commit}")
	w.SHA = sha
	return err
}

const gitconfig = `[user]
	name = Acme Developer
	email = developer@acme.example
[init]
	defaultBranch = master
[advice]
	detachedHead = false
[push]
	autoSetupRemote = true
`

// fillIn writes this world's values over those of the variables in the product's hotfix.yml.
func (w *World) fillIn(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"REGISTRY": w.Registry.Host, "STACK": w.Stack, "SECRETS": w.path("secrets"),
		"VERIFY_PORT": fmt.Sprintf("%q", w.verifyPort), "WEB": w.Site,
	} {
		line := regexp.MustCompile(`(?m)^  ` + name + `: .*$`)
		if !line.Match(text) {
			return fmt.Errorf("%s has no variable %s", file, name)
		}
		text = line.ReplaceAllLiteral(text, []byte("  "+name+": "+value))
	}
	return os.WriteFile(file, text, 0o644)
}

// restoreModes makes executable in to what is so in from: copying forgets it.
func restoreModes(from, to string) error {
	return filepath.Walk(from, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, rest), info.Mode().Perm())
	})
}

// Git runs git in the developer's clone and returns what it says.
func (w *World) Git(ctx context.Context, args ...string) (string, error) {
	return run(ctx, w.Clone, w.gitEnv(), "git", args...)
}

func (w *World) git(ctx context.Context, args ...string) error {
	_, err := w.Git(ctx, args...)
	return err
}

// gitEnv keeps the user's own settings, signing and hooks out of the sandbox.
func (w *World) gitEnv() []string {
	return []string{"GIT_CONFIG_GLOBAL=" + w.path("gitconfig"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
}

func (w *World) commit(ctx context.Context, message string) error {
	if err := w.git(ctx, "add", "--all"); err != nil {
		return err
	}
	return w.git(ctx, "commit", "--quiet", "-m", message)
}

// Patch writes files into the developer's clone, commits and pushes them, and returns the commit's short sha.
func (w *World) Patch(ctx context.Context, message string, files map[string]string) (string, error) {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(w.Clone, name), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	if err := w.commit(ctx, message); err != nil {
		return "", err
	}
	if err := w.git(ctx, "push", "--quiet", "origin", "HEAD"); err != nil {
		return "", err
	}
	return w.Git(ctx, "rev-parse", "--short=7", "HEAD")
}
