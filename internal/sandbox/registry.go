package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	"golang.org/x/crypto/bcrypt"

	"hotfix/internal/flow"
)

// A Registry is a docker-registry in a container, with TLS and a password, published on loopback.
type Registry struct {
	Host           string // 127.0.0.1:PORT
	User, Password string
	CA             string // the file that its certificate is checked with
	DockerConfig   string // a DOCKER_CONFIG with its credentials and certs.d/HOST/ca.crt

	engine    client.APIClient
	container string
}

const registryConfig = `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: /var/lib/registry }
  delete: { enabled: true }
http:
  addr: 0.0.0.0:5000
  tls: { certificate: /run/registry/cert.pem, key: /run/registry/key.pem }
auth:
  htpasswd: { realm: sandbox, path: /run/registry/htpasswd }
`

// StartRegistry starts a registry that holds the product's base images and nothing else, and writes what its
// users need to dir. owner is the value of its Label.
func StartRegistry(ctx context.Context, engine client.APIClient, owner, dir string) (*Registry, error) {
	return startRegistry(ctx, engine, registryImage, owner, dir, nil)
}

func startRegistry(ctx context.Context, engine client.APIClient, image, owner, dir string, mounts map[string]string) (*Registry, error) {
	r := &Registry{User: "deploy", Password: id() + id(), engine: engine}
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(r.Password), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"config.yml": []byte(registryConfig), "cert.pem": cert.cert, "key.pem": cert.key,
		"htpasswd": fmt.Appendf(nil, "%s:%s\n", r.User, hash),
	}
	err = r.start(ctx, image, owner, files, mounts)
	if err == nil {
		err = r.configure(dir, cert.ca)
	}
	if err == nil {
		err = r.await(ctx, cert.ca)
	}
	if err != nil {
		undo, cancel := flow.Cleanup(ctx)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("start the registry: %w", err), r.Close(undo))
	}
	return r, nil
}

func (r *Registry) start(ctx context.Context, image, owner string, files map[string][]byte, mounts map[string]string) error {
	port := network.MustParsePort("5000/tcp")
	created, err := r.engine.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: "hotfix-sandbox-registry-" + owner + "-" + id(),
		Config: &container.Config{
			Image: image, Cmd: []string{"docker-registry", "serve", "/run/registry/config.yml"},
			Labels: map[string]string{Label: owner}, ExposedPorts: network.PortSet{port: {}},
		},
		HostConfig: &container.HostConfig{
			Tmpfs:        mounts,
			PortBindings: network.PortMap{port: {{HostIP: netip.MustParseAddr("127.0.0.1")}}},
		},
	})
	if err != nil {
		return err
	}
	r.container = created.ID
	content, err := tarball("registry", files)
	if err != nil {
		return err
	}
	copied := client.CopyToContainerOptions{DestinationPath: "/run", Content: content}
	if _, err := r.engine.CopyToContainer(ctx, r.container, copied); err != nil {
		return err
	}
	if _, err := r.engine.ContainerStart(ctx, r.container, client.ContainerStartOptions{}); err != nil {
		return err
	}
	found, err := r.engine.ContainerInspect(ctx, r.container, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	bindings := found.Container.NetworkSettings.Ports[port]
	if len(bindings) == 0 {
		return fmt.Errorf("container %s publishes no port", r.container[:12])
	}
	r.Host = "127.0.0.1:" + bindings[0].HostPort
	return nil
}

// await returns once the registry answers its user.
func (r *Registry) await(ctx context.Context, ca []byte) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer web.CloseIdleConnections()
	return await(ctx, 30*time.Second, "the registry at "+r.Host, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.Host+"/v2/", nil)
		if err != nil {
			return err
		}
		request.SetBasicAuth(r.User, r.Password)
		response, err := web.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", response.Status)
		}
		return nil
	})
}

// Auth is the X-Registry-Auth header that an engine needs to push and pull here.
func (r *Registry) Auth() (string, error) {
	return authconfig.Encode(registry.AuthConfig{Username: r.User, Password: r.Password, ServerAddress: r.Host})
}

// Close removes the registry and all that is in it.
func (r *Registry) Close(ctx context.Context) error {
	if r.container == "" {
		return nil
	}
	_, err := r.engine.ContainerRemove(ctx, r.container, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// tarball is a tar of one directory with files.
func tarball(directory string, files map[string][]byte) (*bytes.Buffer, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	if err := w.WriteHeader(&tar.Header{Name: directory + "/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
		return nil, err
	}
	for name, data := range files {
		header := &tar.Header{Name: directory + "/" + name, Mode: 0o644, Size: int64(len(data))}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	return &content, w.Close()
}
