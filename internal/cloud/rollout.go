package cloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// A Rollout is what canary, redeploy and restore have in common: the stack, and what should run on it.
type Rollout struct {
	Stack        Stack
	Release      Release
	Repositories []string // only services that run one of these are touched
	Order        []string // services, first to last; those not named follow by name
	First        string   // the canary; where it is not affected, the first affected service is
	// Baseline returns the digest that each service ran before this version's first change; nil before that.
	Baseline         func(ctx context.Context) (map[string]string, error)
	Monitor, Timeout time.Duration
	Checks           []Command // of the canary, before it counts as proven
	Probe            string    // a URL that is asked through every redeploy; empty: none
}

// A target is a service that this version changes.
type target struct {
	Service
	want string // the digest that it should run; empty while the image is not pushed
}

// done tells whether the service runs what it should.
func (t target) done() bool { return t.want != "" && t.Digest == t.want && !t.Interrupted }

// ErrUnknownDigest is that a service runs an image of which no registry digest is known, so there is no way back to it.
var ErrUnknownDigest = errors.New("its image has no registry digest")

// affected returns the services that this version changes, the canary first. They are compared with the baseline,
// never only with what runs now: after the canary runs the hotfix nothing would differ, and a resume would
// forget it.
func (r Rollout) affected(ctx context.Context) ([]target, error) {
	services, err := r.serving(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.baseline(ctx)
	if err != nil {
		return nil, err
	}
	var affected []target
	for _, s := range services {
		want, err := r.Release.Want(ctx, s)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			want = ""
		case err != nil:
			return nil, fmt.Errorf("what %s should run: %w", s.Name, err)
		}
		base := before[s.Name]
		t := target{Service: s, want: want}
		if t.done() && (base == "" || base == want) {
			continue
		}
		if base == "" && s.Digest == "" && !s.Interrupted {
			return nil, unknownDigest(s)
		}
		affected = append(affected, t)
	}
	r.canaryFirst(affected)
	return affected, nil
}

func unknownDigest(s Service) error {
	err := fmt.Errorf("there would be no way back for %s: it runs %s, and %w", s.Name, s.Image, ErrUnknownDigest)
	if s.Detail != "" {
		err = fmt.Errorf("%w (%s)", err, s.Detail)
	}
	return flow.Hint(err, "push "+s.Image+" to its registry from where the stack runs, or pull it there, and redeploy it")
}

// canaryFirst moves the configured canary, if it is among them, to the front.
func (r Rollout) canaryFirst(affected []target) {
	i := slices.IndexFunc(affected, func(t target) bool { return t.Name == r.First })
	if i > 0 {
		canary := affected[i]
		copy(affected[1:i+1], affected[:i])
		affected[0] = canary
	}
}

// serving returns the services that run one of the repositories, in order.
func (r Rollout) serving(ctx context.Context) ([]Service, error) {
	services, err := r.Stack.Services(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.known(services); err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(slices.Clone(services), func(s Service) bool {
		return s.Completed || !ours(s, r.Repositories)
	})
	slices.SortStableFunc(ours, func(a, b Service) int { return r.rank(a) - r.rank(b) })
	return ours, nil
}

// known refuses an order or a canary that names what is not there: a typo would otherwise change the order.
func (r Rollout) known(services []Service) error {
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	for _, name := range append(slices.Clone(r.Order), r.First) {
		if name != "" && !slices.Contains(names, name) {
			return flow.Refuse(fmt.Errorf("there is no service %q in %s", name, r.Stack.Place()),
				"its services are "+strings.Join(names, ", ")+": correct `canary` or `order` in hotfix.yml")
		}
	}
	return nil
}

func (r Rollout) rank(s Service) int {
	if i := slices.Index(r.Order, s.Name); i >= 0 {
		return i
	}
	return len(r.Order)
}

func (r Rollout) baseline(ctx context.Context) (map[string]string, error) {
	if r.Baseline == nil {
		return nil, nil
	}
	before, err := r.Baseline(ctx)
	if err != nil {
		return nil, fmt.Errorf("what ran before this version: %w", err)
	}
	return before, nil
}

// update is the action that brings one service to the digest it should run.
func (r Rollout) update(t target, check func(context.Context, flow.Report) error) flow.Action {
	return flow.Action{
		What:    "redeploy " + t.Name + t.step(),
		Details: t.details(),
		Do: func(ctx context.Context, report flow.Report) error {
			want := t.want
			if want == "" {
				now, err := r.Release.Want(ctx, t.Service)
				if err != nil {
					return fmt.Errorf("what %s should run: %w", t.Name, err)
				}
				want = now
			}
			o := Options{Monitor: r.Monitor, Timeout: r.Timeout, Check: check}
			update := func() error { return r.Stack.Update(ctx, t.Name, t.Ref(want), o, report) }
			if err := probed(ctx, r.Probe, report, update); err != nil {
				return err
			}
			report.Fact(t.Name, want)
			return nil
		},
		Left: r.left(t.Name),
	}
}

// step says where an update leads: " (sha256:0123… → sha256:4567…)".
func (t target) step() string {
	switch {
	case t.want == "":
		return " (once its image is pushed)"
	case t.Digest == t.want:
		return " at " + Short(t.want) + " (its update was interrupted)"
	case t.Digest == "":
		return " → " + Short(t.want)
	}
	return " (" + Short(t.Digest) + " → " + Short(t.want) + ")"
}

func (t target) details() []string {
	details := []string{"now: " + t.Image, fmt.Sprintf("%d of %d running", t.Running, t.Containers)}
	if t.want != "" {
		details = append(details, "then: "+t.Ref(t.want))
	}
	if t.Detail != "" {
		details = append(details, t.Detail)
	}
	return details
}

// ours tells whether a service runs one of the repositories.
func ours(s Service, repositories []string) bool {
	return slices.ContainsFunc(repositories, func(r string) bool { return familiar(r) == familiar(s.Repository) })
}

// familiar drops what docker leaves out of the names of its own hub.
func familiar(repository string) string {
	repository = strings.TrimPrefix(repository, "index.")
	repository = strings.TrimPrefix(repository, "docker.io/")
	return strings.TrimPrefix(repository, "library/")
}

// Short is a digest as a person reads it: sha256: and twelve more.
func Short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
