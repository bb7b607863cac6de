package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"hotfix/internal/flow"
)

// debianRoot tells whether packages may be installed here: Debian, or one of its children, as root.
func debianRoot() bool {
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return false
	}
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// install sees to a program, from Debian's packages where it may, saying so.
func install(ctx context.Context, logf Logf, program string, packages ...string) error {
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	if !debianRoot() {
		return flow.Hint(fmt.Errorf("%s is not installed", program), "install "+strings.Join(packages, " "))
	}
	logf("%s is not installed: apt-get install %s", program, strings.Join(packages, " "))
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	if _, err := run(ctx, "", quiet, "apt-get", "update", "-qq"); err != nil {
		logf("apt-get update: %v", err) // another vendor's source may be down; installing tells
	}
	args := append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)
	_, err := run(ctx, "", quiet, "apt-get", args...)
	return err
}

// mirror returns where this machine gets Debian's packages from.
func mirror(ctx context.Context) string {
	const usual = "http://deb.debian.org/debian"
	out, err := run(ctx, "", nil, "apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages")
	if err != nil {
		return usual
	}
	for line := range strings.Lines(out) {
		if uri, label, _ := strings.Cut(strings.TrimSpace(line), " "); label == "Debian" {
			return strings.TrimSuffix(uri, "/")
		}
	}
	return usual
}
