package main

import (
	"context"
	"slices"
	"testing"

	"hotfix/internal/cloud"
)

// counted is a stack that follows tags and counts the looks at its services.
type counted struct {
	cloud.Stack
	looks int
}

func (c *counted) Services(context.Context) ([]cloud.Service, error) {
	c.looks++
	return []cloud.Service{{Name: "db"}, {Name: "web"}}, nil
}

func (c *counted) Traits() cloud.Traits { return cloud.Traits{FollowsTags: true} }

// Many phases plan by one look, and what one leaves out of its list the next one sees all the same.
func TestGlance(t *testing.T) {
	stack := &counted{}
	g := &glance{Stack: stack}
	for range 3 {
		all, err := g.Services(t.Context())
		if err != nil || len(all) != 2 || all[0].Name != "db" {
			t.Fatalf("%v (%v)", all, err)
		}
		_ = slices.DeleteFunc(all, func(s cloud.Service) bool { return s.Name == "db" })
	}
	if stack.looks != 1 {
		t.Errorf("looked %d times", stack.looks)
	}
	if !cloud.TraitsOf(g).FollowsTags {
		t.Error("it is not known that tags are followed")
	}
}
