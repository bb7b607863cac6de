package main

import (
	"context"
	"slices"
	"strings"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
)

// baseline is what ran on the stack before this version's first change: each service's image, tag and digest.
type baseline map[string]cloud.Service

// Facts of a baseline entry: one a service, and the commit.
const (
	factService = "service "
	factCommit  = "commit"
)

// look reads what runs now, for the log.
func (d *deployment) look(ctx context.Context) (map[string]string, error) {
	services, err := d.affectable(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := cloud.Digests(ctx, d.stack, d.repositories()); err != nil {
		return nil, err // there would be no way back
	}
	commit, err := d.repo.Resolve(ctx, d.hotfix.Deployed)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{factCommit: commit}
	for _, s := range services {
		facts[factService+s.Name] = s.Ref(s.Digest)
	}
	return facts, nil
}

// baseline returns what the log says, or, before the first change, what runs now. known is false then.
func (d *deployment) baseline(ctx context.Context) (b baseline, commit string, known bool, err error) {
	entries, err := d.log.Entries(ctx)
	if err != nil {
		return nil, "", false, err
	}
	var facts map[string]string
	if entry, ok := flow.History(entries).Of(d.hotfix.Version, d.key).Last(flow.Baseline); ok {
		facts, known = entry.Facts, true
	} else if facts, err = d.look(ctx); err != nil {
		return nil, "", false, err
	}
	b = baseline{}
	for name, ref := range facts {
		if service, ok := strings.CutPrefix(name, factService); ok {
			b[service] = parseRef(service, ref)
		}
	}
	return b, facts[factCommit], known, nil
}

// parseRef takes host/repo:tag@digest apart.
func parseRef(service, ref string) cloud.Service {
	named, digest, _ := strings.Cut(ref, "@")
	s := cloud.Service{Name: service, Image: ref, Repository: named, Digest: digest}
	if i := strings.LastIndex(named, ":"); i > strings.LastIndex(named, "/") {
		s.Repository, s.Tag = named[:i], named[i+1:]
	}
	return s
}

// before returns the digest that each service ran, once the log knows; nil until then.
func (d *deployment) before(ctx context.Context) (map[string]string, error) {
	b, _, known, err := d.baseline(ctx)
	if err != nil || !known {
		return nil, err
	}
	digests := map[string]string{}
	for name, s := range b {
		digests[name] = s.Digest
	}
	return digests, nil
}

// moves are the deployed tags, what ran under each, and what each shall name.
func (d *deployment) moves(ctx context.Context) ([]registry.Move, error) {
	b, _, _, err := d.baseline(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := d.log.Entries(ctx)
	if err != nil {
		return nil, err
	}
	history := flow.History(entries).Of(d.hotfix.Version, d.key).Phase("replace")
	var moves []registry.Move
	for _, s := range b.sorted() {
		i := slices.IndexFunc(moves, func(m registry.Move) bool { return m.Repository == s.Repository && m.Tag == s.Tag })
		if i < 0 {
			want, err := d.wanted(ctx, s)
			if err != nil {
				return nil, err
			}
			moves = append(moves, registry.Move{Repository: s.Repository, Tag: s.Tag, Want: want})
			i = len(moves) - 1
		}
		moves[i].Ran = appendNew(moves[i].Ran, s.Digest)
	}
	for i, m := range moves { // what this version moved there itself, for an earlier commit, ran as well
		for _, e := range history {
			if digest := e.Facts["tag "+m.Repository+":"+m.Tag]; e.Kind == flow.Done && digest != "" && digest != m.Want {
				moves[i].Ran = appendNew(moves[i].Ran, digest)
			}
		}
	}
	return moves, nil
}

// wanted is the digest that a baseline service's tag shall name; empty while that is not pushed.
func (d *deployment) wanted(ctx context.Context, s cloud.Service) (string, error) {
	want, err := d.release.Want(ctx, s)
	if isMissing(err) {
		return "", nil
	}
	return want, err
}

func (b baseline) sorted() []cloud.Service {
	var all []cloud.Service
	for _, s := range b {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y cloud.Service) int { return strings.Compare(x.Name, y.Name) })
	return all
}

func appendNew(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}
