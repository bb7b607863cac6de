package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// Verification is the local stack that the code is tried in before anything is built of it.
type Verification struct {
	ComposeFiles []string      // relative to the build directory; none: what compose would find there
	Services     []string      // and what they depend on; none: all
	Prepare      []Command     // run once the services are up: reset a database
	Checks       []Check       // what must hold
	Keep         bool          // leave the stack up, to look at it
	Timeout      time.Duration // for the services to get healthy, and again for the checks; 0: two minutes
}

// Check is a URL that must answer, or a command that must succeed.
type Check struct {
	HTTP     string   // a URL
	Status   int      // its status; 0: 200. Redirects are not followed: they may lead out of the local stack
	Contains string   // what its body must contain
	Run      []string // or a command
	In       string   // the running service it is run in; empty: this machine, in the copy
}

// Verify is the phase that brings the build directory up as a stack of its own on the local engine, checks it,
// and takes it down. It works on a disposable copy, since an application writes where it runs.
type Verify struct {
	Directory Directory
	Commit    string        // what the directory must hold
	Spec      *Verification // nil: there is no `verify` in hotfix.yml
	Project   string
	Engine    client.APIClient // the local one, never the stack's
	Variables *Variables       // for the compose files, and for what is run on this machine
	// Verified tells when this content was last verified: Evidence.Verified.
	Verified  func(ctx context.Context, content string) (when time.Time, ok bool, err error)
	Published Published
	// Uncalled tells why the patch needs no verification; empty where it does. nil: it always does.
	Uncalled func(ctx context.Context) (string, error)
}

// Name implements flow.Phase.
func (v Verify) Name() string { return "verify" }

// Traits implements flow.Marked.
func (v Verify) Traits() flow.Traits { return flow.Traits{Optional: true} }

// Checks prove that there is an engine.
func (v Verify) Checks() []flow.Check {
	if v.Spec == nil {
		return nil
	}
	return []flow.Check{engineCheck(v.Engine)}
}

// Plan looks for this content among what was verified.
func (v Verify) Plan(ctx context.Context) ([]flow.Action, error) {
	if v.Spec == nil {
		return nil, flow.Nothing("no `verify` in hotfix.yml")
	}
	if err := whenPublished(ctx, v.Published); err != nil {
		return nil, err
	}
	stamp, synced, err := v.Directory.holds(v.Commit)
	if err != nil {
		return nil, err
	}
	if synced && v.Verified != nil {
		when, ok, err := v.Verified(ctx, stamp.Content)
		if err != nil {
			return nil, fmt.Errorf("look for content %s among what was verified: %w", short(stamp.Content), err)
		}
		if ok {
			return nil, flow.Nothing(fmt.Sprintf("content %s was verified on %s", short(stamp.Content), when.Local().Format("2 Jan 2006 15:04")))
		}
	}
	why := ""
	if synced && v.Uncalled != nil {
		if why, err = v.Uncalled(ctx); err != nil {
			return nil, err
		}
	}
	return []flow.Action{{What: v.what(), Details: v.details(), Uncalled: why, Do: v.do}}, nil
}

func (v Verify) what() string {
	files, services := "the compose file", "all its services"
	if len(v.Spec.ComposeFiles) > 0 {
		files = strings.Join(v.Spec.ComposeFiles, " and ")
	}
	if len(v.Spec.Services) > 0 {
		services = strings.Join(v.Spec.Services, ", ")
	}
	return fmt.Sprintf("verify in a local stack of %s (%s), %s", files, services, count(len(v.Spec.Checks), "check"))
}

func (v Verify) details() []string {
	lines := []string{"as compose project " + v.name() + ", taken down afterwards"}
	for _, command := range v.Spec.Prepare {
		lines = append(lines, "prepare: "+command.words())
	}
	for _, check := range v.Spec.Checks {
		lines = append(lines, "check: "+check.words())
	}
	return lines
}

// holds returns the stamp, and whether the directory was synced to this commit. One that was not is not there
// yet, which is no error.
func (d Directory) holds(commit string) (stamp Stamp, synced bool, err error) {
	stamp, err = d.Stamp()
	if errors.Is(err, fs.ErrNotExist) {
		return stamp, false, nil
	}
	return stamp, err == nil && stamp.Commit == commit, err
}

// whenPublished returns the reason to do nothing, where images of this commit are in the registry already.
func whenPublished(ctx context.Context, p Published) error {
	if p == nil {
		return nil
	}
	why, ok, err := p.Published(ctx)
	if err == nil && ok {
		return flow.Nothing(why)
	}
	return err
}

func engineCheck(engine client.APIClient) flow.Check {
	return flow.Check{What: "the local docker engine", Do: func(ctx context.Context) (string, error) {
		version, err := engine.ServerVersion(ctx, client.ServerVersionOptions{})
		if err != nil {
			return "", flow.Hint(fmt.Errorf("reach the local docker engine: %w", err), "start it, or set DOCKER_HOST: docker version")
		}
		return version.Version, nil
	}}
}

func (c Command) words() string {
	if c.In == "" {
		return strings.Join(c.Run, " ")
	}
	return strings.Join(c.Run, " ") + " in " + c.In
}

func (c Check) words() string {
	if c.HTTP != "" {
		return c.HTTP
	}
	return Command{Run: c.Run, In: c.In}.words()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
