package build

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"

	"hotfix/internal/flow"
)

// Routine is what the routine's own variables are made of.
type Routine struct {
	DeployedSHA string // COMMITSHA: what the stack runs
	Branch      string // BRANCH_TO_DEPLOY
	Remote      string // PROJECT_GIT_REPO: its URL; credentials in it are left out
	Directory   string // BUILD_DIR
	Version     string // VERSION: 16.03.1b
	Release     string // RELEASE: 16.03.1
}

// Variables are the deploy variables, which may be shown, and the secrets, which may not. It is the phase that
// establishes them.
type Variables struct {
	values  map[string]string
	secrets *Secrets
}

// NewVariables joins the routine's variables with those of hotfix.yml. The routine's names are taken.
func NewVariables(routine Routine, own map[string]string, secrets *Secrets) (*Variables, error) {
	values := map[string]string{
		"COMMITSHA":        routine.DeployedSHA,
		"BRANCH_TO_DEPLOY": routine.Branch,
		"PROJECT_GIT_REPO": withoutCredentials(routine.Remote),
		"BUILD_DIR":        routine.Directory,
		"VERSION":          routine.Version,
		"RELEASE":          routine.Release,
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if _, taken := values[name]; taken {
			return nil, flow.Refuse(fmt.Errorf("variables: %s is the routine's own", name), "give it another name in hotfix.yml")
		}
	}
	maps.Copy(values, own)
	if secrets == nil {
		secrets = &Secrets{}
	}
	for _, name := range secrets.commandNames() {
		if _, taken := values[name]; taken {
			return nil, flow.Refuse(fmt.Errorf("%s is both a variable and a secret", name), "give one of them another name in hotfix.yml")
		}
	}
	return &Variables{values: values, secrets: secrets}, nil
}

// Values returns a copy of what may be shown.
func (v *Variables) Values() map[string]string { return maps.Clone(v.values) }

// Secrets returns what may not.
func (v *Variables) Secrets() *Secrets { return v.secrets }

// Name implements flow.Phase.
func (v *Variables) Name() string { return "variables" }

// Traits implements flow.Marked: secrets are resolved before the first change, whoever makes it.
func (v *Variables) Traits() flow.Traits { return flow.Traits{Always: true} }

// Plan has nothing to do: variables change nothing. It says what they are.
func (v *Variables) Plan(context.Context) ([]flow.Action, error) {
	return nil, flow.Nothing(fmt.Sprintf("COMMITSHA=%s BRANCH_TO_DEPLOY=%s, and %d more (hotfix env)",
		v.values["COMMITSHA"], v.values["BRANCH_TO_DEPLOY"], len(v.values)-2))
}

// Checks prove that the env files can be read and every secret resolved.
func (v *Variables) Checks() []flow.Check { return v.secrets.checks() }

// Expand replaces ${NAME} by compose's rules. Secrets are not among the names: what is expanded gets shown.
func (v *Variables) Expand(text string) (string, error) {
	expanded, err := template.Substitute(required(text), func(name string) (string, bool) {
		value, ok := v.values[name]
		return value, ok
	})
	if err == nil {
		return expanded, nil
	}
	var missing *template.MissingRequiredError
	if !errors.As(err, &missing) {
		return "", flow.Refuse(fmt.Errorf("expand %q: %w", text, err), "write ${NAME}, or $$ for a dollar sign")
	}
	if slices.Contains(v.secrets.commandNames(), missing.Variable) {
		return "", flow.Refuse(fmt.Errorf("expand %q: %s is a secret", text, missing.Variable), "let the command read it from its environment")
	}
	if missing.Reason != "" {
		return "", flow.Refuse(fmt.Errorf("expand %q: %s: %s", text, missing.Variable, missing.Reason), "add it to variables in hotfix.yml")
	}
	return "", flow.Refuse(fmt.Errorf("expand %q: there is no variable %s", text, missing.Variable), "add it to variables in hotfix.yml")
}

var plainReference = regexp.MustCompile(`\$\$|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_][A-Za-z0-9_]*`)

// required turns $NAME and ${NAME} into ${NAME?}: where compose warns and goes on with nothing, hotfix refuses.
func required(text string) string {
	return plainReference.ReplaceAllStringFunc(text, func(reference string) string {
		if reference == "$$" {
			return reference
		}
		return "${" + strings.Trim(reference, "${}") + "?}"
	})
}

// Map returns all variables, with or without the secrets. Secrets must have been resolved.
func (v *Variables) Map(withSecrets bool) map[string]string {
	all := map[string]string{}
	if withSecrets {
		maps.Copy(all, v.secrets.Values())
	}
	maps.Copy(all, v.values)
	return all
}

// Env returns them as NAME=value, sorted, for a child's environment.
func (v *Variables) Env(withSecrets bool) []string {
	var env []string
	for name, value := range v.Map(withSecrets) {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Export returns them as lines for eval in any POSIX shell. A name that no shell takes becomes a comment.
func (v *Variables) Export(withSecrets bool) string {
	var lines strings.Builder
	all := v.Map(withSecrets)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !shellName.MatchString(name) {
			fmt.Fprintf(&lines, "# left out, not a shell name: %q\n", name)
			continue
		}
		fmt.Fprintf(&lines, "export %s='%s'\n", name, strings.ReplaceAll(all[name], "'", `'\''`))
	}
	return lines.String()
}

// withoutCredentials leaves out of a URL what opens the door. The user of an ssh URL is part of the address.
func withoutCredentials(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.User == nil || u.Host == "" {
		return remote
	}
	if strings.Contains(u.Scheme, "ssh") {
		u.User = url.User(u.User.Username())
	} else {
		u.User = nil
	}
	return u.String()
}
