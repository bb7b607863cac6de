package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// seen is the live stack at one moment.
type seen struct {
	status  sandbox.Status
	page    string // as the world sees it, through the CDN
	digests map[string]string
}

func (d demo) look(ctx context.Context) (s seen, err error) {
	if s.status, err = d.world.Status(ctx); err != nil {
		return s, err
	}
	if s.page, err = d.world.Page(ctx); err != nil {
		return s, err
	}
	s.digests, err = d.world.Digests(ctx)
	return s, err
}

func (d demo) show(ctx context.Context, before, after seen) error {
	fmt.Printf("\n── the page, through the CDN ──\nbefore:\n%s\nafter:\n%s", indent(before.page), indent(after.page))
	fmt.Printf("\n── what each service runs ──\n")
	for _, service := range []string{"phpfiles", "phpha", "web"} {
		fmt.Printf("  %-9s %.19s → %.19s\n", service, before.digests[service], after.digests[service])
	}
	fmt.Printf("\n── what Cloudflare got ──\n")
	for _, r := range d.world.Cloudflare.Requests() {
		fmt.Println(strings.TrimRight(fmt.Sprintf("  %d %-4s %s %s", r.Status, r.Method, r.Path, r.Body), " "))
	}
	graph, err := d.world.Git(ctx, "log", "--graph", "--oneline", "--decorate", "--decorate-refs=refs/remotes", "--decorate-refs=refs/tags",
		"origin/master", "origin/develop")
	if err != nil {
		return err
	}
	fmt.Printf("\n── the git remote ──\n%s\n── seconds ──\n", indent(graph))
	return d.seconds(ctx)
}

// seconds are each phase's, out of hotfix's own log.
func (d demo) seconds(ctx context.Context) error {
	cmd := flow.Command(ctx, d.binary, "history", "--json")
	cmd.Dir, cmd.Env, cmd.Stderr = d.world.Clone, append(os.Environ(), d.world.Env()...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("hotfix history: %w", err)
	}
	var phases []string
	spent := map[string]float64{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var e flow.Entry
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("hotfix history: %w", err)
		}
		name := e.Phase
		if e.Kind == flow.Ended {
			name = e.Command + ", in all"
		}
		seconds, err := strconv.ParseFloat(e.Facts["seconds"], 64)
		if err != nil {
			continue // what took no time to speak of
		}
		if _, known := spent[name]; !known {
			phases = append(phases, name)
		}
		spent[name] += seconds
	}
	for _, name := range phases {
		fmt.Printf("  %-15s %6.1f\n", name, spent[name])
	}
	return nil
}

func indent(text string) string {
	var out bytes.Buffer
	for line := range bytes.Lines([]byte(text)) {
		fmt.Fprintf(&out, "  %s", line)
	}
	if out.Len() > 0 && out.Bytes()[out.Len()-1] != '\n' {
		out.WriteByte('\n')
	}
	return out.String()
}
