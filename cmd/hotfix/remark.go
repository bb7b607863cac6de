package main

import (
	"context"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// many is how many lines of a list are shown before the first question.
const many = 10

// remark tells what the user should know before the first question.
func (d *deployment) remark(ctx context.Context, r *flow.Runner) {
	note := func(text string) { r.Listen.Event(flow.Event{Kind: flow.EventNote, What: text}) }
	for _, text := range append(d.notes, d.leftBehind(ctx)...) {
		note(text)
	}
	c, ok, err := d.changeset(ctx)
	if err != nil {
		note(fmt.Sprintf("can't tell what the patch is: %v", err))
	}
	if !ok {
		return
	}
	for _, line := range c.summary() {
		note(line)
	}
	if all := c.lines(); len(all) > many {
		r.Further = append([]string{"the patch, file by file:"}, all...)
	}
}

// summary is the patch: its commits, its first files, and what it does not bring about.
func (c changeset) summary() []string {
	lines := append([]string{fmt.Sprintf("the patch, on top of %s:", short(c.since))}, abridged(listed(c.commits), "commits")...)
	lines = append(lines, count(len(c.files), "file")+":")
	lines = append(lines, abridged(c.lines(), "files (Details shows all)")...)
	if len(c.migrations) > 0 {
		lines = append(lines, fmt.Sprintf("with %s: %s", count(len(c.migrations), "migration"), strings.Join(c.migrations, ", ")))
	}
	if len(c.uncarried) > 0 {
		lines = append(lines, "a hotfix swaps images: what else this patch needs of the stack is yours to bring about:")
		for _, line := range abridged(c.uncarried, "changes") {
			lines = append(lines, "  "+line)
		}
	}
	return lines
}

// lines are the files, one a line.
func (c changeset) lines() (lines []string) {
	for _, file := range c.files {
		lines = append(lines, "  "+file.String())
	}
	return lines
}

// leftBehind is what the clone holds that the patch does not.
func (d *deployment) leftBehind(ctx context.Context) []string {
	var parts []string
	if files, err := d.repo.Uncommitted(ctx); err == nil && len(files) > 0 {
		parts = append(parts, fmt.Sprintf("%d changed (%s)", len(files), strings.Join(firstFew(files), ", ")))
	}
	if files, err := d.repo.Untracked(ctx); err == nil && len(files) > 0 {
		parts = append(parts, fmt.Sprintf("%d untracked (%s)", len(files), strings.Join(firstFew(files), ", ")))
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{"not committed, and so not in the patch: " + strings.Join(parts, ", ")}
}

// firstFew names some of many.
func firstFew(names []string) []string {
	const few = 3
	if len(names) <= few {
		return names
	}
	return append(append([]string{}, names[:few]...), "…")
}

// abridged are the first of many lines, and how many there are more.
func abridged(lines []string, what string) []string {
	if len(lines) <= many {
		return lines
	}
	return append(append([]string{}, lines[:many]...), fmt.Sprintf("  and %d more %s", len(lines)-many, what))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
