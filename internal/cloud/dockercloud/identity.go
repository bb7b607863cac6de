package dockercloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"hotfix/internal/cloud"
)

// proofs are what was found out: which digest a container runs, which never changes, and what an image holds.
type proofs struct {
	lock  sync.Mutex
	known map[string]string // container: digest
	files map[string]holds  // by digest
}

// holds is what an image holds: the SHA-256 of every file, and the files of its topmost layer, which is the product's.
type holds struct {
	sums map[string]string
	top  []string
}

// How many files tell two images apart, and how many more are looked at in each.
const (
	perPair  = 6
	perImage = 20
)

// identity is the digest that all of a service's containers run, proven by what their files hold; empty, with a
// reason, where that can't be proven. A repository that nobody patches has none.
func (s *Stack) identity(ctx context.Context, one cloud.Service, all []container) (digest, why string, err error) {
	candidates, err := s.Candidates(ctx, one.Repository, one.Tag)
	if err != nil || len(candidates) == 0 {
		return "", "", err
	}
	s.proof.lock.Lock()
	defer s.proof.lock.Unlock()
	for _, c := range all {
		if !c.is("Running") {
			return "", c.Name + " is " + strings.ToLower(c.State), nil
		}
		found, why, err := s.prove(ctx, one.Repository, candidates, c)
		switch {
		case err != nil:
			return "", "", err
		case found == "":
			return "", why, nil
		case digest != "" && found != digest:
			return "", "its containers run different images", nil
		}
		digest = found
	}
	if digest == "" {
		return "", "nothing of it runs", nil
	}
	return digest, "", nil
}

// prove asks a container for the sums of the files that tell the candidates apart.
func (s *Stack) prove(ctx context.Context, repository string, candidates []string, c container) (digest, why string, err error) {
	if digest := s.proof.known[c.UUID]; digest != "" {
		return digest, "", nil
	}
	if candidates, err = s.learn(ctx, repository, candidates); err != nil {
		return "", "", err
	}
	paths := s.proof.telling(candidates)
	out, exit, err := s.ask(ctx, c, "sha256sum -- "+quoted(paths)+" 2>/dev/null")
	switch {
	case err != nil:
		return "", "", fmt.Errorf("which image %s runs: %w", c.Name, err)
	case exit > 1:
		return "", fmt.Sprintf("which image %s runs can't be told: sha256sum in it ended with exit status %d", c.Name, exit), nil
	}
	inside := map[string]string{}
	for line := range strings.Lines(out) {
		if sum, path, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			inside[path] = sum
		}
	}
	var match []string
	for _, candidate := range candidates {
		held := s.proof.files[candidate]
		if !slices.ContainsFunc(paths, func(p string) bool { return held.sums[p] != inside[p] }) {
			match = append(match, candidate)
		}
	}
	switch len(match) {
	case 0:
		return "", c.Name + " runs none of the images that are known of " + repository, nil
	case 1:
		s.proof.known[c.UUID] = match[0]
		return match[0], "", nil
	}
	return "", fmt.Sprintf("%s and %s hold the same files: which of them %s runs can't be told", cloud.Short(match[0]), cloud.Short(match[1]), c.Name), nil
}

// learn finds out what the candidates hold, and leaves out those that the registry has no longer.
func (s *Stack) learn(ctx context.Context, repository string, candidates []string) (there []string, err error) {
	for _, digest := range candidates {
		if _, known := s.proof.files[digest]; !known {
			image, err := s.Image(ctx, repository+"@"+digest)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			sums, top, err := s.Files(image)
			if err != nil {
				return nil, err
			}
			s.proof.files[digest] = holds{sums, top}
		}
		there = append(there, digest)
	}
	return there, nil
}

// telling are files by which the candidates differ, and some more of each.
func (p *proofs) telling(candidates []string) []string {
	chosen := map[string]bool{}
	choose := func(paths []string, most int) {
		for _, path := range spread(paths, most) {
			chosen[path] = true
		}
	}
	for i, a := range candidates {
		choose(p.files[a].top, perImage)
		for _, b := range candidates[:i] {
			choose(differences(p.files[a].sums, p.files[b].sums), perPair)
		}
	}
	return slices.Sorted(maps.Keys(chosen))
}

// differences are the files that are not the same in both.
func differences(a, b map[string]string) (all []string) {
	for path, sum := range a {
		if b[path] != sum {
			all = append(all, path)
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			all = append(all, path)
		}
	}
	return all
}

// spread picks some paths from beginning to end. Names that a shell or sha256sum would write differently are left
// out.
func spread(paths []string, most int) (some []string) {
	all := slices.DeleteFunc(slices.Sorted(slices.Values(paths)), func(path string) bool {
		return strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
	})
	if len(all) <= most {
		return all
	}
	for i := range most {
		some = append(some, all[i*len(all)/most])
	}
	return some
}
