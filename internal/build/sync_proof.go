package build

import (
	"context"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// prove shows that the directory holds the commit and nothing else: nothing missing, nothing changed, nothing
// untracked, nothing ignored. It is asked before anything is copied or prepared. (A partial clone's checkout
// ends well with files missing.)
func (s *Sync) prove(ctx context.Context) error {
	head, err := s.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if strings.TrimSpace(head) != s.Commit {
		return fmt.Errorf("HEAD is %s, not %s", short(head), short(s.Commit))
	}
	status := []string{"status", "--porcelain=v2", "--ignored", "--untracked-files=all", "--no-renames"}
	text, err := s.git(ctx, append(status, "--ignore-submodules=none", "-z")...)
	if err != nil {
		return err
	}
	wrong := named(text)
	if s.hasSubmodules() {
		text, err := s.git(ctx, "submodule", "foreach", "--quiet", "--recursive", "git "+strings.Join(status, " "))
		if err != nil {
			return err
		}
		wrong = append(wrong, named(strings.ReplaceAll(text, "\n", "\x00"))...)
	}
	if len(wrong) == 0 {
		return nil
	}
	return flow.Hint(fmt.Errorf("it does not hold exactly %s:\n  %s", short(s.Commit), strings.Join(few(wrong, 10), "\n  ")),
		"see `git status --ignored` in it; where line endings differ from .gitattributes, commit `git add --renormalize .`")
}

// named turns git status' porcelain v2, -z, into "modified web/index.php".
func named(text string) []string {
	var files []string
	for _, line := range fields(text) {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "?":
			files = append(files, "untracked "+rest)
		case "!":
			files = append(files, "ignored "+rest)
		case "1":
			if words := strings.SplitN(rest, " ", 8); len(words) == 8 {
				files = append(files, changes(words[0])+" "+words[7])
			}
		default:
			files = append(files, "unmerged "+rest)
		}
	}
	return files
}

// changes names git's two letters.
func changes(letters string) string {
	if strings.Contains(letters, "D") {
		return "missing"
	}
	return "modified"
}
