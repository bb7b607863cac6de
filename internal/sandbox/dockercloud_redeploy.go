package sandbox

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// redeploy terminates a service's containers and deploys new ones, of what its tag names now. It answers at once.
func (c *DockerCloud) redeploy(w http.ResponseWriter, r *http.Request, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.services, func(s *cloudService) bool { return s.id == id })
	if i < 0 {
		cloudError(w, http.StatusNotFound, "Not found")
		return
	}
	s := c.services[i]
	if s.state == "Redeploying" {
		cloudError(w, http.StatusConflict, "Service is redeploying") // status and words are a guess
		return
	}
	if strings.EqualFold(r.URL.Query().Get("reuse_volumes"), "false") {
		s.volumes++
	}
	a := &cloudAction{uuid(), s.id, "In progress"}
	c.actions[a.id] = a
	s.state = "Redeploying"
	go c.deploy(context.WithoutCancel(r.Context()), s, a)
	if !c.NoAction {
		w.Header().Set("X-DockerCloud-Action-URI", "/api/audit/v1/action/"+a.id+"/")
	}
	cloudJSON(w, http.StatusAccepted, c.service(s, true))
}

func (c *DockerCloud) deploy(ctx context.Context, s *cloudService, a *cloudAction) {
	c.mu.Lock()
	s.containers = slices.DeleteFunc(s.containers, func(k *cloudContainer) bool { return k.state == "Terminated" }) // not so recently any more
	old := slices.Clone(s.containers)
	c.mu.Unlock()
	failed := false
	for i, k := range old {
		time.Sleep(c.Takes)
		machine, err := k.machine, error(nil)
		if !c.KeepsImage {
			machine, err = c.Machines.Deploy(ctx, s.name, s.image, k.machine)
		}
		failed = failed || err != nil
		c.mu.Lock()
		k.state = "Terminated"
		next := c.container(s, i, machine)
		if err != nil {
			next.state = "Stopped"
		}
		s.containers = append(s.containers, next)
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.deployed = c.now()
	if failed {
		s.state, a.state = "Start failed", "Failed"
		return
	}
	a.state = cmp.Or(c.ActionEnds, "Success")
	s.state = cmp.Or(c.ServiceEnds, "Running")
}
