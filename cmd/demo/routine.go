package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

const version = "16.03.1b"

// demo shows one binary in one world.
type demo struct {
	world  *sandbox.World
	binary string
}

// routine is a hotfix from its first command to its last, and what it has changed.
func (d demo) routine(ctx context.Context) error {
	before, err := d.look(ctx)
	if err != nil {
		return err
	}
	if err := d.hotfix(ctx, "start", version); err != nil {
		return err
	}
	sha, err := d.patch(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("\n$ git commit && git push\n  %s: another welcome, another colour, and migration 003_invoices\n", sha)
	if err := d.hotfix(ctx, "deploy", "--sha", d.world.SHA, "--yes", "--confirm", d.world.Stack); err != nil {
		return err
	}
	if err := d.hotfix(ctx, "finish", version, "--yes"); err != nil {
		return err
	}
	after, err := d.look(ctx)
	if err != nil {
		return err
	}
	if after.status.Commit != sha || after.status.Schema != "003_invoices" {
		return fmt.Errorf("the site serves %+v, not commit %s with its migration", after.status, sha)
	}
	return d.show(ctx, before, after)
}

// hotfix runs the binary in the developer's clone, with nobody to ask.
func (d demo) hotfix(ctx context.Context, args ...string) error {
	fmt.Printf("\n$ hotfix %s\n", strings.Join(args, " "))
	cmd := flow.Command(ctx, d.binary, args...)
	cmd.Dir, cmd.Env = d.world.Clone, append(os.Environ(), d.world.Env()...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("hotfix %s: %w", args[0], err)
	}
	return nil
}

// patch is what the developer does between start and deploy.
func (d demo) patch(ctx context.Context) (string, error) {
	app, err := os.ReadFile(filepath.Join(d.world.Clone, "src/app.php"))
	if err != nil {
		return "", err
	}
	return d.world.Patch(ctx, "Greet customers by what we do", map[string]string{
		"src/app.php":                        strings.Replace(string(app), "Welcome to Acme", "Welcome to Acme, now patched", 1),
		"public/style.css":                   "h1 { color: #063; }\n",
		"dna/db/migrations/003_invoices.sql": "CREATE TABLE invoices (id INT AUTO_INCREMENT PRIMARY KEY, number VARCHAR(20) NOT NULL);\n",
	})
}
