package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// Status is what the product's status page says.
type Status struct{ Text, Commit, Schema, Data string }

// Status asks the live stack itself, past the CDN.
func (w *World) Status(ctx context.Context) (Status, error) {
	var status Status
	text, err := fetch(ctx, w.Origin+"/status")
	if err == nil {
		err = json.Unmarshal([]byte(text), &status)
	}
	return status, err
}

// Page returns the site's front page as the world sees it: through the CDN.
func (w *World) Page(ctx context.Context) (string, error) { return fetch(ctx, w.Site+"/") }

func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return string(body), err
}

// Digests returns the registry's digest of what each service of the live stack runs; all of them, where its containers
// differ.
func (w *World) Digests(ctx context.Context) (map[string]string, error) {
	digests := map[string]string{}
	for _, service := range []string{"phpfiles", "phpha", "web"} {
		all, err := w.places(ctx, service)
		if err != nil {
			return nil, err
		}
		for _, at := range all {
			digest, err := w.digest(ctx, at)
			switch {
			case err != nil:
				return nil, err
			case digests[service] == "":
				digests[service] = digest
			case digests[service] != digest:
				digests[service] += " and " + digest
			}
		}
	}
	return digests, nil
}

func (w *World) digest(ctx context.Context, at place) (digest string, err error) {
	found, err := at.engine.ContainerInspect(ctx, at.container, client.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	image, err := at.engine.ImageInspect(ctx, found.Container.Image)
	if err != nil {
		return "", err
	}
	for _, name := range image.RepoDigests {
		if strings.HasPrefix(name, w.Registry.Host+"/") {
			_, digest, _ = strings.Cut(name, "@")
		}
	}
	return digest, nil
}
