package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"

	"hotfix/internal/sandbox"
)

// snapshot is how a world is: what there is, by kind and name, and how it is.
type snapshot map[string]string

// The kinds. The log and the cache are hotfix's own and local; the others are what a patch changes.
const (
	kindGit, kindRegistry, kindEngine, kindCDN = "git ", "registry ", "engine ", "cdn "
	kindLog, kindCache                         = "log ", "cache "
)

// look takes a snapshot of what belongs to this world, and to no other on the same engine.
func look(t *testing.T, w *sandbox.World) snapshot {
	t.Helper()
	s := snapshot{}
	s.git(t, w)
	s.engine(t, w)
	s.registry(t, w)
	for i, r := range w.Cloudflare.Requests() {
		if r.Method != http.MethodGet && !strings.Contains(r.Body, "hotfix-may-purge") { // which is the proof of a permission
			s[fmt.Sprintf("%s%d", kindCDN, i)] = r.Method + " " + r.Path + " " + r.Body
		}
	}
	s.files(t, kindLog, filepath.Join(w.Clone, ".git", "hotfix"), true)
	s.files(t, kindCache, cacheOf(w), false)
	return s
}

// cacheOf is the clone's own folder in the cache, with the build directory in it.
func cacheOf(w *sandbox.World) string {
	return filepath.Join(w.Dir, "cache", "hotfix", folderName(filepath.Join(w.Clone, ".git")))
}

func (s snapshot) git(t *testing.T, w *sandbox.World) {
	t.Helper()
	for name, args := range map[string][]string{
		"remote": {"--git-dir", w.Remote, "for-each-ref", "refs/heads", "refs/tags", "refs/hotfix/lock"},
		"clone":  {"for-each-ref", "refs/heads", "refs/tags", "refs/remotes"}, "config": {"config", "--local", "--list"},
		"head": {"symbolic-ref", "HEAD"}, "tree": {"status", "--porcelain"},
	} {
		text, err := w.Git(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		s[kindGit+name] = text
	}
	shared, err := w.Git(t.Context(), "--git-dir", w.Remote, "for-each-ref", "refs/hotfix/log")
	if err != nil {
		t.Fatal(err)
	}
	s[kindLog+"remote"] = shared
}

// engine adds the containers, volumes, networks and images of the stack, of its verification and of its builds.
func (s snapshot) engine(t *testing.T, w *sandbox.World) {
	t.Helper()
	ctx := t.Context()
	sum := sha256.Sum256([]byte(filepath.Join(cacheOf(w), "build")))
	verification := fmt.Sprintf("-%x", sum[:3]) // how its compose project's name ends
	ours := func(labels map[string]string) bool {
		project := labels[api.ProjectLabel]
		return project == w.Stack || strings.HasSuffix(project, verification) || labels[sandbox.Label] == w.ID
	}
	containers, err := w.Engine.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		if ours(c.Labels) {
			s[kindEngine+"container "+c.ID] = fmt.Sprint(c.Names, c.State, c.ImageID, c.Labels)
		}
	}
	volumes, err := w.Engine.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Items {
		if ours(v.Labels) {
			s[kindEngine+"volume "+v.Name] = v.CreatedAt
		}
	}
	networks, err := w.Engine.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		if ours(n.Labels) {
			s[kindEngine+"network "+n.Name] = n.ID
		}
	}
	s.images(t, w)
}

func (s snapshot) images(t *testing.T, w *sandbox.World) {
	t.Helper()
	commits, err := w.Git(t.Context(), "rev-list", "--all")
	if err != nil {
		t.Fatal(err)
	}
	images, err := w.Engine.ImageList(t.Context(), client.ImageListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images.Items {
		for _, name := range slices.Concat(image.RepoTags, image.RepoDigests) {
			built, isBuild := strings.CutPrefix(name, "hotfix-build/")
			_, commit, _ := strings.Cut(built, ":")
			if strings.HasPrefix(name, w.Registry.Host+"/") || isBuild && strings.Contains(commits, commit) {
				s[kindEngine+"image "+name] = image.ID
			}
		}
	}
}

// registry adds the digest of every tag, as the registry's own API gives it. One that is gone has none.
func (s snapshot) registry(t *testing.T, w *sandbox.World) {
	t.Helper()
	ca, err := os.ReadFile(w.Registry.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer web.CloseIdleConnections()
	get := func(path string, into any) http.Header {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.Registry.Host+"/v2/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(w.Registry.User, w.Registry.Password)
		request.Header["Accept"] = []string{"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
			"application/vnd.oci.image.index.v1+json"} // which names the manifests of contents, where there is no referrers API
		response, err := web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("registry: %s: %s %v", path, response.Status, err)
		}
		return response.Header
	}
	var catalog struct{ Repositories []string }
	get("_catalog", &catalog)
	for _, repository := range catalog.Repositories {
		var list struct{ Tags []string }
		get(repository+"/tags/list", &list)
		for _, tag := range list.Tags {
			var manifest map[string]any
			s[kindRegistry+repository+":"+tag] = get(repository+"/manifests/"+tag, &manifest).Get("Docker-Content-Digest")
		}
	}
}

// files adds the names in a folder that need not be there, and, with content, what all files below it hold.
func (s snapshot) files(t *testing.T, kind, folder string, content bool) {
	t.Helper()
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == folder {
			return nil
		}
		if entry.IsDir() && !content {
			if entry.Name() != "layers" && entry.Name() != "same-content" { // they remember what never changes: what a digest holds
				s[kind+path] = "folder"
			}
			return filepath.SkipDir
		}
		if entry.Name() == "lock" { // is there while it is held, and empty words else
			return nil
		}
		text, err := os.ReadFile(path)
		s[kind+path] = string(text)
		return err
	})
}

// without leaves some kinds out.
func (s snapshot) without(kinds ...string) snapshot {
	rest := maps.Clone(s)
	maps.DeleteFunc(rest, func(name, _ string) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(name, kind) })
	})
	return rest
}

// differences says what is not the same in two snapshots.
func differences(before, after snapshot) (all []string) {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := before[name]
		is, has := after[name]
		if had != has || was != is {
			all = append(all, fmt.Sprintf("%s\n  was %q\n  is  %q", name, was, is))
		}
	}
	return all
}

// same wants the world to be as it was, but for some kinds.
func same(t *testing.T, what string, before, after snapshot, but ...string) {
	t.Helper()
	if len(before) < 10 {
		t.Fatalf("the snapshot saw next to nothing: %v", before)
	}
	for _, difference := range differences(before.without(but...), after.without(but...)) {
		t.Errorf("%s changed %s", what, difference)
	}
}
