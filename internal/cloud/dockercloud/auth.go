package dockercloud

import (
	"encoding/base64"
	"errors"

	"hotfix/internal/flow"
)

// A Login is what requests are authorised with. Secret is the part of it that must be shown nowhere.
type Login struct {
	Header string // of every request: Authorization
	Secret string
	From   string // where it was found
}

// FindLogin looks where Docker Cloud's own client did, in its order: DOCKERCLOUD_AUTH, which is the header itself;
// DOCKERCLOUD_USER with DOCKERCLOUD_APIKEY, then with DOCKERCLOUD_PASS; then what `docker login` has kept.
func FindLogin(env func(name string) string, kept func() (user, password string, err error)) (Login, error) {
	if header := env("DOCKERCLOUD_AUTH"); header != "" {
		return Login{Header: header, Secret: header, From: "DOCKERCLOUD_AUTH"}, nil
	}
	user := env("DOCKERCLOUD_USER")
	for _, name := range []string{"DOCKERCLOUD_APIKEY", "DOCKERCLOUD_PASS"} {
		if secret := env(name); user != "" && secret != "" {
			return login(user, secret, name), nil
		}
	}
	user, password, err := kept()
	if err != nil || user == "" || password == "" {
		return Login{}, flow.Hint(errors.Join(errors.New("there are no credentials for Docker Cloud"), err),
			"export DOCKERCLOUD_USER and DOCKERCLOUD_APIKEY, or docker login")
	}
	return login(user, password, "docker login"), nil
}

func login(user, secret, from string) Login {
	return Login{Header: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret)), Secret: secret, From: from}
}
