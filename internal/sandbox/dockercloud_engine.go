package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// DockerCloud puts the live stack under a Docker Cloud: from now on it is what redeploys it.
func (w *World) DockerCloud(ctx context.Context) (*DockerCloud, error) {
	c := NewDockerCloud(w.Stack, engineMachines{w})
	for _, service := range []string{"web", "phpha", "phpfiles", "localdb"} {
		at, err := w.place(ctx, service)
		if err != nil {
			return nil, err
		}
		found, err := at.engine.ContainerInspect(ctx, at.container, client.ContainerInspectOptions{})
		if err != nil {
			return nil, err
		}
		if err := c.Add(ctx, service, found.Container.Config.Image, 1, at.container); err != nil {
			return nil, err
		}
	}
	w.cloud = httptest.NewServer(c)
	w.cloudEnv = []string{"DOCKERCLOUD_REST_HOST=" + w.cloud.URL, "DOCKERCLOUD_STREAM_HOST=ws" + strings.TrimPrefix(w.cloud.URL, "http"),
		"DOCKERCLOUD_NAMESPACE=" + c.User, "DOCKERCLOUD_USER=" + c.User, "DOCKERCLOUD_APIKEY=" + c.Key}
	return c, nil
}

// engineMachines are the containers of a world's live stack.
type engineMachines struct{ *World }

// Deploy implements Machines: the tag is pulled, and a container like the old one is made of it.
func (m engineMachines) Deploy(ctx context.Context, _, image, was string) (string, error) {
	auth, err := m.Registry.Auth()
	if err != nil {
		return "", err
	}
	pulled, err := m.Engine.ImagePull(ctx, image, client.ImagePullOptions{RegistryAuth: auth})
	if err == nil {
		err = pulled.Wait(ctx)
	}
	if err != nil {
		return "", err
	}
	found, err := m.Engine.ContainerInspect(ctx, was, client.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	old := found.Container
	if _, err := m.Engine.ContainerRemove(ctx, was, client.ContainerRemoveOptions{Force: true}); err != nil {
		return "", err
	}
	old.Config.Image, old.Config.Hostname = image, ""
	networks := map[string]*network.EndpointSettings{}
	for name, endpoint := range old.NetworkSettings.Networks {
		networks[name] = &network.EndpointSettings{Aliases: endpoint.Aliases}
	}
	created, err := m.Engine.ContainerCreate(ctx, client.ContainerCreateOptions{Name: strings.TrimPrefix(old.Name, "/"),
		Config: old.Config, HostConfig: old.HostConfig, NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: networks}})
	if err != nil {
		return "", err
	}
	_, err = m.Engine.ContainerStart(ctx, created.ID, client.ContainerStartOptions{})
	return created.ID, err
}

// Running implements Machines.
func (m engineMachines) Running(machine string) bool {
	found, err := m.Engine.ContainerInspect(context.Background(), machine, client.ContainerInspectOptions{})
	return err == nil && found.Container.State.Running
}

// Exec implements Machines.
func (m engineMachines) Exec(ctx context.Context, machine string, argv []string, in io.Reader, out io.Writer) error {
	made, err := m.Engine.ExecCreate(ctx, machine, client.ExecCreateOptions{Cmd: argv, TTY: true, AttachStdin: true, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return err
	}
	attached, err := m.Engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{TTY: true})
	if err != nil {
		return err
	}
	defer attached.Close()
	go func() { _, _ = io.Copy(attached.Conn, in) }()
	_, err = io.Copy(out, attached.Reader)
	return err
}

// Logs implements Machines.
func (m engineMachines) Logs(ctx context.Context, machine string, tail int) string {
	stream, err := m.Engine.ContainerLogs(ctx, machine, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(tail)})
	if err != nil {
		return err.Error()
	}
	defer stream.Close()
	var text bytes.Buffer
	_, _ = stdcopy.StdCopy(&text, &text, stream)
	return text.String()
}
