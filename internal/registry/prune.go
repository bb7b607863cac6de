package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"hotfix/internal/flow"
)

// Prune removes the oldest of the tags under which Replace kept what ran before.
type Prune struct {
	Registry     *Registry
	Repositories []string
	Keep         int // in each repository
	// Kept tells when a tag was made, by repository:tag, as far as the log knows.
	Kept map[string]time.Time
	// Needed tells why an image must stay, by digest: it runs, or a hotfix that is not finished goes back to it.
	Needed func(ctx context.Context) (map[string]string, error)
}

// Name implements flow.Phase.
func (p *Prune) Name() string { return "tags" }

// Traits implements flow.Marked.
func (p *Prune) Traits() flow.Traits { return flow.Traits{Remote: true} }

// before is a tag that BeforeTag named.
type before struct {
	tag, digest string
	at          time.Time
}

// Plan implements flow.Phase.
func (p *Prune) Plan(ctx context.Context) ([]flow.Action, error) {
	needed, err := p.Needed(ctx)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, repository := range p.Repositories {
		all, err := p.befores(ctx, repository)
		if err != nil {
			return nil, err
		}
		for _, one := range all[min(p.Keep, len(all)):] {
			if needed[one.digest] == "" {
				actions = append(actions, p.remove(repository, one, needed))
			}
		}
	}
	if len(actions) == 0 {
		return nil, flow.Nothing(fmt.Sprintf("there are no more than %d before-… tags that nothing needs", p.Keep))
	}
	return actions, nil
}

func (p *Prune) remove(repository string, one before, needed map[string]string) flow.Action {
	var details []string
	for digest, why := range needed {
		details = append(details, short(digest)+" stays: "+why)
	}
	slices.Sort(details)
	return flow.Action{
		What:    fmt.Sprintf("remove %s:%s, of %s", repository, one.tag, one.at.Format(time.DateOnly)),
		Details: details,
		Do: func(ctx context.Context, report flow.Report) error {
			now, err := p.Needed(ctx) // something may run it since
			if err == nil && now[one.digest] != "" {
				err = fmt.Errorf("%s:%s stays: %s", repository, one.tag, now[one.digest])
			}
			if err != nil {
				return err
			}
			report.Fact("removed "+repository+":"+one.tag, one.digest)
			return p.Registry.untag(ctx, repository, one.tag, one.digest)
		},
	}
}

// befores are the repository's, newest first.
func (p *Prune) befores(ctx context.Context, repository string) ([]before, error) {
	tags, err := p.Registry.tags(ctx, repository)
	if err != nil {
		return nil, err
	}
	var all []before
	for _, tag := range tags {
		if !strings.HasPrefix(tag, "before-") {
			continue
		}
		ref := repository + ":" + tag
		image, err := p.Registry.Image(ctx, ref)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		digest, err := image.Digest()
		if err != nil {
			return nil, explain(ref, err)
		}
		one := before{tag, digest.String(), p.Kept[ref]}
		if one.at.IsZero() { // from before the log: as old as what it names
			config, err := image.ConfigFile()
			if err != nil {
				return nil, explain(ref, err)
			}
			one.at = config.Created.Time
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b before) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.tag, b.tag)) })
	return all, nil
}

func (r *Registry) tags(ctx context.Context, repository string) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	tags, err := remote.List(repo, r.options(ctx)...)
	if err := explain(repository, err); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return tags, nil
}
