package build

import (
	"fmt"
	"slices"

	"github.com/moby/patternmatcher"

	"hotfix/internal/flow"
)

// Enters tells whether one of these files of the synced directory may enter an image, or decides what does. With rsync's
// rules anything may.
func (i Images) Enters(files []string) (bool, error) {
	for _, spec := range i.Specs {
		patterns, err := i.excluded(spec)
		if err != nil {
			return false, err
		}
		matcher, err := patternmatcher.New(patterns)
		if err != nil {
			return false, flow.Refuse(fmt.Errorf("the ignore rules of image %s: %w", spec.Name, err), "see docker's documentation of .dockerignore")
		}
		decisive := []string{spec.Dockerfile, spec.Ignore, spec.Dockerfile + dockerignore, dockerignore}
		for _, file := range files {
			left, err := matcher.MatchesOrParentMatches(file)
			if err != nil || !left || spec.Filter != "" || slices.Contains(decisive, file) {
				return true, err
			}
		}
	}
	return false, nil
}
