package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
)

// configure writes, under dir, the docker configuration that a user of the registry has.
func (r *Registry) configure(dir string, ca []byte) error {
	r.DockerConfig = filepath.Join(dir, "docker")
	certs := filepath.Join(r.DockerConfig, "certs.d", r.Host)
	if err := os.MkdirAll(certs, 0o700); err != nil {
		return err
	}
	r.CA = filepath.Join(certs, "ca.crt")
	if err := os.WriteFile(r.CA, ca, 0o600); err != nil {
		return err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(r.User + ":" + r.Password))
	config, err := json.MarshalIndent(map[string]any{"auths": map[string]any{r.Host: map[string]string{"auth": auth}}}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.DockerConfig, "config.json"), config, 0o600)
}
