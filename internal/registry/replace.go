package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/flow"
)

// A Move is a deployed tag that follows what is proven to serve.
type Move struct {
	Repository string
	Tag        string   // the deployed one
	Ran        []string // every distinct digest that ran under it before this hotfix, the tag's own first
	Want       string   // the digest that it shall name; empty while that is not known yet
}

// Replace moves the deployed tags at the end, and keeps what ran before under a second one.
type Replace struct {
	Registry *Registry
	Version  string
	// Moves looks at what ran and what is wanted.
	Moves func(ctx context.Context) ([]Move, error)
	// Proven returns nil once every serving task runs the wanted digests, or, where the tag is what deploys them, once
	// it may.
	Proven func(ctx context.Context) error
	// Listing returns what is kept beside the image with this digest for the next hotfix; no image where this machine
	// has nothing to keep. It may be nil.
	Listing func(ctx context.Context, repository, digest string) (v1.Image, error)
	// Deploys: services follow the tag.
	Deploys bool
	// Sharing tells which other stacks run something else under the tag that is to be moved. It may be nil.
	Sharing func(ctx context.Context, m Move) ([]string, error)
	// Off says why the tags stay, where hotfix.yml says so.
	Off string
}

// Name implements flow.Phase.
func (p *Replace) Name() string { return "replace" }

// Traits implements flow.Marked.
func (p *Replace) Traits() flow.Traits { return flow.Traits{Remote: true, TakeBack: true} }

// Plan implements flow.Phase.
func (p *Replace) Plan(ctx context.Context) ([]flow.Action, error) {
	if p.Off != "" {
		return nil, flow.Nothing(p.Off)
	}
	moves, err := p.Moves(ctx)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, m := range moves {
		some, err := p.plan(ctx, m)
		if err != nil {
			return nil, err
		}
		actions = append(actions, some...)
	}
	if len(actions) == 0 {
		return nil, flow.Nothing("the deployed tags name what serves")
	}
	return actions, nil
}

func (p *Replace) plan(ctx context.Context, m Move) ([]flow.Action, error) {
	ref := m.Repository + ":" + m.Tag
	if m.Want == "" {
		once := "serves"
		if p.Deploys {
			once = "is there"
		}
		return []flow.Action{{What: "move " + ref + " to the pushed image, once that " + once, Do: p.tooEarly}}, nil
	}
	now, err := p.Registry.Digest(ctx, ref)
	if err != nil || now == m.Want {
		return nil, err
	}
	if !slices.Contains(m.Ran, now) {
		return nil, flow.Hint(fmt.Errorf("%s has moved to %s since this hotfix began: someone else's hotfix?", ref, short(now)),
			"see who moved it; `replace: false` leaves the tag alone")
	}
	var actions []flow.Action
	for _, ran := range m.Ran {
		keep, err := p.keep(ctx, m.Repository, ran)
		if err != nil {
			return nil, err
		}
		actions = append(actions, keep...)
	}
	doubts, err := p.doubts(ctx, m, ref)
	if err != nil {
		return nil, err
	}
	return append(actions, flow.Action{
		What: fmt.Sprintf("move %s from %s to %s", ref, short(now), short(m.Want)),
		Asks: strings.Join(doubts, "; "),
		Do: func(ctx context.Context, report flow.Report) error {
			if err := p.Proven(ctx); err != nil {
				return fmt.Errorf("%s stays: %w", ref, err)
			}
			report.Fact("tag "+ref, m.Want)
			if err := p.Registry.move(ctx, m.Repository, m.Tag, now, m.Want); err != nil {
				return err
			}
			p.beside(ctx, m, report)
			return nil
		},
	}), nil
}

// doubts are why a person must agree to the move: others use the tag, or it names more than one image.
func (p *Replace) doubts(ctx context.Context, m Move, ref string) (doubts []string, err error) {
	if p.Sharing != nil {
		if doubts, err = p.Sharing(ctx, m); err != nil {
			return nil, err
		}
	}
	platforms, err := p.Registry.platforms(ctx, ref)
	if err == nil && len(platforms) > 0 {
		doubts = append(doubts, fmt.Sprintf("%s is an index, of %s: the image that was pushed is for one platform", ref, strings.Join(platforms, ", ")))
	}
	return doubts, err
}

// keep plans a second name for a digest that ran, unless it has it.
func (p *Replace) keep(ctx context.Context, repository, digest string) ([]flow.Action, error) {
	tag := BeforeTag(p.Version, digest)
	now, err := p.Registry.Digest(ctx, repository+":"+tag)
	switch {
	case err == nil && now == digest:
		return nil, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return []flow.Action{{
		What: fmt.Sprintf("keep what ran before as %s:%s", repository, tag),
		Do: func(ctx context.Context, report flow.Report) error {
			report.Fact("kept "+repository, tag)
			return p.Registry.Tag(ctx, repository, digest, tag)
		},
	}}, nil
}

// beside keeps the listing that push may have left for now.
func (p *Replace) beside(ctx context.Context, m Move, report flow.Report) {
	if p.Listing == nil {
		return
	}
	if listing, err := p.Listing(ctx, m.Repository, m.Want); err == nil && listing != nil {
		tellBeside(report, m.Repository, p.Registry.KeepBeside(ctx, m.Repository, listing))
	}
}

func (p *Replace) tooEarly(context.Context, flow.Report) error {
	return errors.New("the images are not in the registry yet")
}

// move moves a tag that still is where it was when the move was planned.
func (r *Registry) move(ctx context.Context, repository, tag, from, to string) error {
	now, err := r.Digest(ctx, repository+":"+tag)
	if err != nil {
		return err
	}
	if now != from {
		return fmt.Errorf("%s:%s has just moved to %s: nothing was done", repository, tag, short(now))
	}
	return r.Tag(ctx, repository, to, tag)
}

// PutBack moves the deployed tags back to what they named before the hotfix, once nothing runs it any more.
type PutBack struct {
	Registry *Registry
	// Moves as Replace's; Want is the hotfix's digest.
	Moves func(ctx context.Context) ([]Move, error)
}

// Name implements flow.Phase.
func (p *PutBack) Name() string { return "put-back" }

// Traits implements flow.Marked.
func (p *PutBack) Traits() flow.Traits { return flow.Traits{Remote: true} }

// Plan implements flow.Phase. A tag that is neither where it was nor where hotfix moved it is left alone.
func (p *PutBack) Plan(ctx context.Context) ([]flow.Action, error) {
	moves, err := p.Moves(ctx)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, m := range moves {
		now, err := p.Registry.Digest(ctx, m.Repository+":"+m.Tag)
		if err != nil {
			return nil, err
		}
		if m.Want == "" || now != m.Want || len(m.Ran) == 0 || m.Ran[0] == now {
			continue
		}
		actions = append(actions, flow.Action{
			What: fmt.Sprintf("move %s:%s back to %s", m.Repository, m.Tag, short(m.Ran[0])),
			Do: func(ctx context.Context, _ flow.Report) error {
				return p.Registry.move(ctx, m.Repository, m.Tag, m.Want, m.Ran[0])
			},
		})
	}
	if len(actions) == 0 {
		return nil, flow.Nothing("the deployed tags are where they were")
	}
	return actions, nil
}

// BeforeTag is the second name of a digest that ran before a hotfix: before-16.03.1b-1a56bc77d2c4.
func BeforeTag(version, digest string) string {
	return "before-" + version + "-" + short(digest)
}

// short is a digest's first twelve hex digits.
func short(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}
