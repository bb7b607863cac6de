package sandbox

import (
	"testing"

	"github.com/moby/moby/client"
)

func TestEngineAndBase(t *testing.T) {
	engine, image := Engine(t), Base(t)
	found, err := engine.ImageInspect(t.Context(), image)
	if err != nil || found.ID == "" {
		t.Fatalf("base image %s: %v", image, err)
	}
	if _, err := engine.Ping(t.Context(), client.PingOptions{}); err != nil {
		t.Fatal(err)
	}
}
