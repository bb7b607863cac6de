package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const clusterPrefix = "hotfix-cluster-"

// sweep removes what clusters of processes left behind that were killed; their engines died with them.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), clusterPrefix+"*"))
	for _, dir := range dirs {
		var pid int
		var id string
		name := strings.TrimPrefix(filepath.Base(dir), clusterPrefix)
		if n, _ := fmt.Sscanf(name, "%d-%s", &pid, &id); n == 2 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = remove(dir, id)
		}
	}
}

// remove takes down what the engines of a cluster stood on.
func remove(dir, id string) error {
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + id + "-n*")
	unified, _ := filepath.Glob("/sys/fs/cgroup/" + id + "-n*")
	for _, group := range append(groups, unified...) {
		_ = exec.Command("find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
	}
	names, _ := filepath.Glob("/run/netns/" + id + "*")
	for _, name := range names {
		_ = exec.Command("ip", "netns", "del", filepath.Base(name)).Run()
	}
	_ = exec.Command("ip", "link", "del", id+"h0").Run()
	return os.RemoveAll(dir)
}
