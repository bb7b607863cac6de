package gitflow

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// A Change is one file that differs between two commits.
type Change struct {
	Kind byte   // git's letter: Added, Modified, Deleted, Renamed, Type
	From string // where it was; empty unless it was moved
	Path string
}

// String is the change as git shows it.
func (c Change) String() string {
	if c.From != "" {
		return fmt.Sprintf("%c %s → %s", c.Kind, printable(c.From), printable(c.Path))
	}
	return fmt.Sprintf("%c %s", c.Kind, printable(c.Path))
}

// printable quotes a name that would break the line.
func printable(name string) string {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return strconv.Quote(name)
	}
	return name
}

// Changes lists what differs between two commits, file by file; what was moved is one change.
func (r *Repository) Changes(ctx context.Context, from, to string) ([]Change, error) {
	out, err := r.run(ctx, "diff-tree", "-r", "-z", "--name-status", "--find-renames", from, to)
	if err != nil {
		return nil, fmt.Errorf("comparing %s with %s: %w", short(from), short(to), err)
	}
	var changes []Change
	for field := fields(out); len(field) > 1; {
		c, taken := Change{Kind: field[0][0], Path: field[1]}, 2 // R100, old, new
		if c.Kind == 'R' && len(field) > 2 {
			c.From, c.Path, taken = field[1], field[2], 3
		}
		changes, field = append(changes, c), field[taken:]
	}
	return changes, nil
}

// Untracked lists the files that git does not know and does not ignore; a folder full of them is one.
func (r *Repository) Untracked(ctx context.Context) (paths []string, err error) {
	out, err := r.run(ctx, "ls-files", "-z", "--others", "--exclude-standard", "--directory", "--no-empty-directory")
	return fields(out), err
}
