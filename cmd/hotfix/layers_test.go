package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLayers holds the layout: who may import whom, and which SDK lives in which folder alone.
func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "hotfix/cmd/hotfix/...", "hotfix/internal/...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		pkg, imports, _ := strings.Cut(line, ":")
		if strings.HasPrefix(pkg, "hotfix/internal/sandbox") { // for tests and the demo; nobody but they may import it
			continue
		}
		seen++
		for _, imported := range strings.Fields(imports) {
			if why := forbidden(pkg, imported); why != "" {
				t.Errorf("%s imports %s: %s", pkg, imported, why)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("only %d packages were looked at", seen)
	}
	for _, pair := range [][2]string{{"hotfix/internal/flow", "github.com/spf13/cobra"}, {"hotfix/internal/build", "hotfix/internal/cloud"},
		{"hotfix/internal/cloud", "github.com/moby/moby/client"}, {"hotfix/internal/cache", "charm.land/huh/v2"}} {
		if forbidden(pair[0], pair[1]) == "" {
			t.Errorf("the rules let %s import %s", pair[0], pair[1])
		}
	}
}

// homes are the folders where an SDK may be imported.
var homes = map[string][]string{
	"charm.land/":              {"hotfix/internal/terminal"},
	"github.com/cloudflare/":   {"hotfix/internal/cache/cloudflare"},
	"github.com/go-git/":       {"hotfix/internal/gitflow"},
	"github.com/goccy/":        {"hotfix/internal/config"},
	"github.com/spf13/":        {"hotfix/cmd/hotfix"},
	"github.com/moby/moby/":    {"hotfix/cmd/hotfix", "hotfix/internal/build", "hotfix/internal/cloud/compose", "hotfix/internal/cloud/swarm", "hotfix/internal/cloud/inside"},
	"github.com/docker/":       {"hotfix/cmd/hotfix", "hotfix/internal/build", "hotfix/internal/cloud/compose", "hotfix/internal/cloud/swarm", "hotfix/internal/cloud/inside"},
	"github.com/moby/buildkit": {"hotfix/internal/build"},
	"github.com/google/go-containerregistry/pkg/v1/remote": {"hotfix/internal/registry", "hotfix/internal/build"},
}

func forbidden(pkg, imported string) string {
	layer, isOurs := strings.CutPrefix(imported, "hotfix/internal/")
	if !strings.Contains(imported, ".") && !isOurs {
		return "" // the standard library
	}
	switch {
	case layer == "sandbox":
		return "the sandbox is for tests and the demo"
	case pkg == "hotfix/internal/flow":
		return "flow imports the standard library only"
	case isOurs && pkg != "hotfix/cmd/hotfix" && layer != "flow" && top(pkg) != top(imported):
		return "siblings do not import each other: declare an interface, and cmd/hotfix wires it"
	}
	for sdk, allowed := range homes {
		if strings.HasPrefix(imported, sdk) && !contains(allowed, pkg) {
			return "it is imported in " + strings.Join(allowed, ", ") + " alone"
		}
	}
	return ""
}

// top is the folder under internal.
func top(pkg string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(pkg, "hotfix/internal/"), "/")
	return first
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}
