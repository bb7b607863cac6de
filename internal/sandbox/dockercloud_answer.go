package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

func cloudError(w http.ResponseWriter, status int, words string) {
	cloudJSON(w, status, map[string]string{"error": words})
}

func cloudJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (c *DockerCloud) uri(kind, id string) string {
	return fmt.Sprintf("/api/app/v1/%s/%s/%s/", c.User, kind, id)
}

func (c *DockerCloud) stackURI() string {
	return c.uri("stack", "0da8d9a5-9ae2-4b5e-8a6c-2d2e5e3f0000")
}

// list answers a page: shallow objects, those that have ended recently among them.
func (c *DockerCloud) list(w http.ResponseWriter, r *http.Request, kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query := r.URL.Query()
	all := []map[string]any{}
	switch kind {
	case "stack":
		for i := range c.Twins + 1 {
			state, uri := "Running", c.stackURI()
			if i < c.Twins {
				state, uri = "Terminated", c.uri("stack", uuid())
			}
			all = append(all, map[string]any{"uuid": uri[len(uri)-37 : len(uri)-1], "resource_uri": uri, "name": c.Stack, "state": state})
		}
	case "service":
		for _, s := range c.services {
			all = append(all, c.service(s, false))
		}
	}
	all = slices.DeleteFunc(all, func(o map[string]any) bool {
		name, stack := query.Get("name"), query.Get("stack")
		return name != "" && o["name"] != name || stack != "" && o["stack"] != stack
	})
	limit, _ := strconv.Atoi(query.Get("limit"))
	limit = cmp.Or(c.PageSize, limit, 25)
	offset, _ := strconv.Atoi(query.Get("offset"))
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	var next any
	switch {
	case c.Next == "looping":
		next, page = r.URL.RequestURI(), all
	case offset+limit < len(all):
		next = fmt.Sprintf("%s?limit=%d&offset=%d", r.URL.Path, limit, offset+limit)
		if c.Next == "absolute" {
			next = "http://elsewhere.invalid" + next.(string)
		}
	}
	meta := map[string]any{"limit": limit, "offset": offset, "next": next, "previous": nil, "total_count": len(all)}
	cloudJSON(w, http.StatusOK, map[string]any{"meta": meta, "objects": page})
}

// one answers an object in full.
func (c *DockerCloud) one(w http.ResponseWriter, kind, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		if kind == "service" && s.id == id {
			cloudJSON(w, http.StatusOK, c.service(s, true))
			return
		}
		for _, k := range s.containers {
			if kind == "container" && k.id == id {
				cloudJSON(w, http.StatusOK, c.describe(s, k))
				return
			}
		}
	}
	if a := c.actions[id]; a != nil && kind == "action" {
		cloudJSON(w, http.StatusOK, map[string]any{"uuid": a.id, "resource_uri": "/api/audit/v1/action/" + a.id + "/",
			"action": "Service Redeploy", "state": a.state, "object": c.uri("service", a.object), "end_date": nil}) // the label is a guess
		return
	}
	cloudError(w, http.StatusNotFound, "Not found")
}

func (c *DockerCloud) service(s *cloudService, full bool) map[string]any {
	o := map[string]any{"uuid": s.id, "resource_uri": c.uri("service", s.id), "name": s.name, "stack": c.stackURI(),
		"state": s.state, "image_name": s.image, "synchronized": true, "deployed_datetime": s.deployed}
	target, running, uris := 0, 0, []string{}
	for _, k := range s.containers {
		uris = append(uris, c.uri("container", k.id))
		if k.state == "Terminated" {
			continue
		}
		target++
		if c.state(k) == "Running" {
			running++
		}
	}
	o["target_num_containers"], o["running_num_containers"], o["current_num_containers"] = target, running, target
	if full {
		o["containers"] = uris
		o["container_envvars"], o["bindings"], o["linked_to_service"] = []any{}, []any{}, []any{}
	}
	if c.Nulls {
		o["nickname"], o["public_dns"], o["deployed_datetime"], o["of_the_future"] = nil, nil, nil, map[string]any{"a": []int{1}}
	}
	return o
}

func (c *DockerCloud) state(k *cloudContainer) string {
	if k.state == "Running" && !c.Machines.Running(k.machine) {
		return "Stopped"
	}
	return k.state
}

func (c *DockerCloud) describe(s *cloudService, k *cloudContainer) map[string]any {
	o := map[string]any{"uuid": k.id, "resource_uri": c.uri("container", k.id), "name": k.name, "service": c.uri("service", s.id),
		"state": c.state(k), "image_name": s.image, "exit_code": nil, "exit_code_msg": nil, "started_datetime": k.started}
	if c.Nulls {
		o["started_datetime"], o["node"], o["of_the_future"] = nil, nil, "yes"
	}
	return o
}
