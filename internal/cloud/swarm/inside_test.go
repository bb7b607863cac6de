//go:build swarm

package swarm_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

func listJobs(s *stack) client.ServiceListOptions {
	return client.ServiceListOptions{Filters: client.Filters{}.Add("label", "com.docker.stack.namespace="+s.name, "hotfix.job")}
}

func TestLogsAndHealth(t *testing.T) {
	s := newStack(t)
	s.up("web", s.push("live", "1", "", checked), replicas(2))
	var text report
	s.must(s.Logs(t.Context(), "web", false, 10, &text))
	if have := text.String(); have != "web.1 | serving 1 \nweb.2 | serving 1 \n" {
		t.Errorf("the log is %q", have)
	}
	h, err := s.Health(t.Context(), "web", 500*time.Millisecond)
	s.must(err)
	if h.Healthy != 2 || h.Since.IsZero() || time.Since(h.Since) < 500*time.Millisecond || h.Restarts != 0 {
		t.Errorf("%+v", h)
	}
	s.up("ill", s.push("ill", "1", "", checked), on("node.role==manager"))
	failed := make(chan error)
	go func() { _, err := s.Health(t.Context(), "ill", time.Minute); failed <- err }()
	time.Sleep(time.Second) // it has to have been looked at
	_, _ = s.Exec(t.Context(), "ill", []string{"/app", "stop"}, &text)
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "it ended by itself") {
		t.Errorf("%v", err)
	}
}

func TestACommandOnAnotherNode(t *testing.T) {
	s := newStack(t)
	other := shared.Nodes[1]
	s.up("web", s.push("live", "1", ""), on("node.hostname=="+other.Name))
	run := func(node func(string) (client.APIClient, error)) (string, error) {
		config := s.config
		config.Node = node
		var out report
		exit, err := target.New(s.engine, s.name, config).Exec(t.Context(), "web", []string{"/app", "job", "3", "hello"}, &out)
		if err == nil && exit != 3 {
			t.Errorf("exit status %d", exit)
		}
		return out.String(), err
	}
	out, err := run(func(name string) (client.APIClient, error) {
		if name != other.Name {
			return nil, errors.New("no such context")
		}
		return client.New(client.WithHost(other.Engine.DaemonHost()))
	})
	if err != nil || !strings.Contains(out, "hello 1") {
		t.Errorf("%v: %s", err, out)
	}
	_, err = run(nil)
	if err == nil || !strings.Contains(err.Error(), "runs on node "+other.Name) || !strings.Contains(strings.Join(flow.Hints(err), ""), "docker context create "+other.Name) {
		t.Errorf("%v, %v", err, flow.Hints(err))
	}
	_, err = run(func(string) (client.APIClient, error) {
		return client.New(client.WithHost(shared.Nodes[2].Engine.DaemonHost()))
	})
	if err == nil || !strings.Contains(err.Error(), "does not have web's container") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	s := newStack(t)
	s.up("web", s.push("live", "1", ""))
	says := func(err error, text, hint string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(strings.Join(flow.Hints(err), " "), hint) {
			t.Errorf("error %v, hints %v; want %q and %q", err, flow.Hints(err), text, hint)
		}
	}
	_, err := target.New(s.engine, s.name+"x", target.Config{}).Services(t.Context())
	says(err, "there is no swarm stack "+s.name+"x on ", s.name)
	_, err = target.New(shared.Nodes[1].Engine, s.name, target.Config{}).Services(t.Context())
	says(err, "is no swarm manager", "target: compose")
	says(s.Update(t.Context(), "wep", s.repository+"@sha256:"+strings.Repeat("0", 64), quick, flow.Silent{}), `no service "wep"`, "hotfix status")
}
