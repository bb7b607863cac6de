//go:build swarm

package sandbox

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestClusterAndNothingOfItIsLeft(t *testing.T) {
	if err := CanCluster(); err != nil && os.Getenv("HOTFIX_NEED_ENGINE") == "1" {
		t.Fatal(err)
	} else if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	c, err := StartCluster(t.Context(), 3, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Nodes[2].Kill()
	if err := c.Nodes[2].Start(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Ready(t.Context(), 3); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for _, look := range [][]string{{"ip", "netns"}, {"ip", "link"}, {"ps", "axww"}, {"cat", "/proc/mounts"}} {
		out, err := exec.Command(look[0], look[1:]...).Output()
		if err != nil || strings.Contains(string(out), c.id) || strings.Contains(string(out), c.dir) {
			t.Errorf("%v: %s is left (%v)", look, c.id, err)
		}
	}
}
