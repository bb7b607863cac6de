//go:build swarm

package main

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/sandbox"
)

// onASwarm is a world whose live stack is on three engines, and a hotfix that patches its page.
func onASwarm(t *testing.T, files map[string]string) (*sandbox.World, *sandbox.Cluster) {
	t.Helper()
	if err := sandbox.CanCluster(); err != nil && os.Getenv("HOTFIX_NEED_ENGINE") == "1" {
		t.Fatalf("HOTFIX_NEED_ENGINE=1: %v", err)
	} else if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	w := sandbox.Start(t)
	c, err := sandbox.StartCluster(t.Context(), 3, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Swarm(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	must(t, w, exitDone, "start", "16.03.1b")
	all := text(t, w, "Patched")
	maps.Copy(all, files)
	all["hotfix.yml"] = strings.Replace(read(t, w, "hotfix.yml"), "target: compose", "target: swarm\n    host: "+c.Nodes[0].Engine.DaemonHost(), 1)
	patch(t, w, "Patch the page", all)
	return w, c
}

// TestTheRoutineOnASwarm: the whole routine on three engines, and back. No request fails: none asks for phpfiles, whose
// only container writes to a volume and stops first.
func TestTheRoutineOnASwarm(t *testing.T) {
	w, c := onASwarm(t, map[string]string{"dna/db/migrations/003_patch.sql": "CREATE TABLE patched (id INT);\n"})
	before := digests(t, w)
	deployed := must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack)
	if seen := regexp.MustCompile(`probe .*`).FindAllString(deployed.errs, -1); len(seen) == 0 || strings.Count(strings.Join(seen, "\n"), ", 0 failed") != len(seen) {
		t.Errorf("users saw %q", seen)
	}
	sha, err := w.Git(t.Context(), "rev-parse", "--short=7", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})
	if now := settled(t, w); tagged(t, w, "php") != now["phpha"] || now["phpha"] == before["phpha"] || now["web"] != before["web"] {
		t.Errorf("the tag names %s; %v, and before %v", tagged(t, w, "php"), now, before)
	}
	status := must(t, w, exitDone, "status")
	if !strings.Contains(status.String(), "phpha runs "+sha+", 2 of 2 healthy") {
		t.Errorf("status:\n%s", status)
	}
	elsewhere(t, w, c.Nodes[1])
	must(t, w, exitDone, "rollback", "--yes")
	if now := settled(t, w); !maps.Equal(before, now) || tagged(t, w, "php") != before["phpfiles"] {
		t.Errorf("rolled back to %v, want %v; the tag names %s", now, before, tagged(t, w, "php"))
	}
	must(t, w, exitDone, "deploy", "--yes", "--again", "--confirm", w.Stack)
	must(t, w, exitDone, "finish", "--yes")
}

// elsewhere opens a shell in phpfiles, which runs on a node that is not the manager: it is reached through the docker
// context that is named like the node, and is a real terminal all the same.
func elsewhere(t *testing.T, w *sandbox.World, node *sandbox.Node) {
	t.Helper()
	found, err := node.Engine.ContainerList(t.Context(), client.ContainerListOptions{
		Filters: make(client.Filters).Add("label", "com.docker.swarm.service.name="+w.Stack+"_phpfiles")})
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("%s has %d containers of phpfiles (%v)", node.Name, len(found.Items), err)
	}
	s := onTerminal(t, w, "shell", "phpfiles")
	s.expect("# ")
	s.press("echo on $(hostname) $(tty); stty size\n")
	s.expect("on " + found.Items[0].ID[:12] + " /dev/pts/")
	s.expect("40 120")
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 50, Cols: 132}); err != nil {
		t.Fatal(err)
	}
	s.press("until stty size | grep '50 132'; do sleep 0.1; done\n")
	s.expect("50 132'") // the echo of what was typed
	s.expect("50 132")
	s.press("sh -c 'echo asleep; exec sleep 1000'\n") // who says so has the terminal already: bash alone would outlive a Ctrl-C
	s.expect("asleep\r\n")
	s.press("\x03")
	s.expect("^C")
	s.expect("# ") // what is typed before the prompt may be thrown away with the interrupt
	s.press("echo $?\n")
	s.expect("130\r\n")
	s.expect("# ")
	s.press("exit 5\n")
	if code := s.end(); code != exitFailed || !strings.Contains(s.seen.String(), "the shell in phpfiles ended with exit status 5") {
		t.Errorf("exit %d\n%s", code, s.seen.String())
	}
}

// TestKilledInASwarmsRedeploy: the engine goes on alone, and the same command completes the rest.
func TestKilledInASwarmsRedeploy(t *testing.T) {
	w, c := onASwarm(t, nil)
	before := digests(t, w)
	deploy := program(t.Context(), w, "deploy", "--yes", "--confirm", w.Stack)
	if err := deploy.Start(); err != nil {
		t.Fatal(err)
	}
	updating(t, w, c, "phpha")
	_ = deploy.Process.Signal(syscall.SIGKILL)
	_ = deploy.Wait()
	ended(t, w, c, "phpha", swarm.UpdateStateCompleted)
	if now := settled(t, w); now["phpha"] == before["phpha"] || now["phpha"] != now["phpfiles"] {
		t.Errorf("the engine left %v, before %v", now, before)
	}
	again := must(t, w, exitDone, "deploy", "--yes", "--wait", "--confirm", w.Stack)
	if now := settled(t, w); tagged(t, w, "php") != now["phpha"] {
		t.Errorf("the tag names %s, and %v runs\n%s", tagged(t, w, "php"), now, again)
	}
}

// TestCtrlCInASwarmsRedeploy: it asks what becomes of the update; paused, the same command goes on; left running, the
// engine ends it alone, and the same command completes the rest; taken back, the old image serves.
func TestCtrlCInASwarmsRedeploy(t *testing.T) {
	w, c := onASwarm(t, nil)
	before := digests(t, w)
	interrupt := func(answer string) *screen {
		t.Helper()
		s := onTerminal(t, w, "deploy", "--yes", "--confirm", w.Stack)
		s.expect("redeploy phpha")
		updating(t, w, c, "phpha")
		s.press("\x03")
		s.expect("> Leave running")
		s.pick(answer)
		return s
	}
	again := func() map[string]string {
		t.Helper()
		s := onTerminal(t, w, "deploy", "--yes", "--confirm", w.Stack)
		if code := s.end(); code != exitDone {
			t.Fatalf("the same again: exit %d\n%s", code, s.seen.String())
		}
		now := settled(t, w)
		if tag := tagged(t, w, "php"); now["phpha"] != now["phpfiles"] || now["phpha"] != tag {
			t.Fatalf("it left %v, and the tag names %s", now, tag)
		}
		return now
	}
	s := interrupt("Pause")
	if code := s.end(); code != exitInterrupted {
		t.Fatalf("paused: exit %d\n%s", code, s.seen.String())
	}
	first := again()
	patch(t, w, "Patch it again", text(t, w, "Patched again"))
	s = interrupt("Leave running")
	if code := s.end(); code != exitInterrupted || !strings.Contains(s.seen.String(), "the same command") {
		t.Fatalf("left running: exit %d\n%s", code, s.seen.String())
	}
	ended(t, w, c, "phpha", swarm.UpdateStateCompleted)
	alone := settled(t, w)
	if alone["phpha"] == first["phpha"] || alone["phpha"] != alone["phpfiles"] || tagged(t, w, "php") != first["phpha"] {
		t.Errorf("the engine left %v, before %v; the tag names %s", alone, first, tagged(t, w, "php"))
	}
	if now := again(); !maps.Equal(now, alone) {
		t.Errorf("the same again left %v, and it was %v", now, alone)
	}
	patch(t, w, "Patch it once more", text(t, w, "Patched once more"))
	s = interrupt("Roll back")
	if code := s.end(); code != exitRolledBack {
		t.Errorf("rolled back: exit %d\n%s", code, s.seen.String())
	}
	if now := settled(t, w); !maps.Equal(before, now) {
		t.Errorf("it was to be rolled back: %v, want %v\n%s", now, before, s.seen.String())
	}
}

// settled is what runs once the engine has put away what no longer serves.
func settled(t *testing.T, w *sandbox.World) map[string]string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		now := digests(t, w)
		if !strings.Contains(now["phpfiles"]+now["phpha"]+now["web"], " and ") || time.Now().After(deadline) {
			return now
		}
	}
}

// updating waits until a service is being updated.
func updating(t *testing.T, w *sandbox.World, c *sandbox.Cluster, service string) {
	t.Helper()
	ended(t, w, c, service, swarm.UpdateStateUpdating)
}

// ended waits until the engine says so of a service's update.
func ended(t *testing.T, w *sandbox.World, c *sandbox.Cluster, service string, want swarm.UpdateState) {
	t.Helper()
	now := "nothing"
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := c.Nodes[0].Engine.ServiceInspect(t.Context(), w.Stack+"_"+service, client.ServiceInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if u := found.Service.UpdateStatus; u != nil {
			if now = string(u.State); u.State == want {
				return
			}
		}
	}
	t.Fatalf("%s is not %s after four minutes, but %s", service, want, now)
}
