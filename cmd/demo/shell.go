package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

// shell leaves a person in the developer's clone, with the world's environment, until they leave it.
func (d demo) shell(ctx context.Context) error {
	fmt.Printf(`
A release is live at %s (through the CDN: %s).
You are in a clone of its repository. Patch it:

  hotfix start %s
  edit src/app.php, add dna/db/migrations/003_something.sql, git commit, git push
  hotfix deploy
  hotfix finish

Leave with exit; then everything is taken down again.

`, d.world.Origin, d.world.Site, version)
	name := os.Getenv("SHELL")
	if name == "" {
		name = "/bin/sh"
	}
	cmd := exec.CommandContext(ctx, name)
	cmd.Dir = d.world.Clone
	cmd.Env = append(append(os.Environ(), d.world.Env()...), "PATH="+filepath.Dir(d.binary)+":"+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signal.Ignore(os.Interrupt) // Ctrl-C is for what runs in the shell
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // the last command's, not ours
	}
	return err
}
