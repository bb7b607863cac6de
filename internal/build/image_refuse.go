package build

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/tonistiigi/fsutil"

	"hotfix/internal/flow"
)

// secretNames are names that keys and passwords usually have.
var secretNames = []string{".env", "*secrets*", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*.ppk", "*.p12", "*.pfx"}

// refuse stops what must not be in an image: what looks like a secret and is not allowed in hotfix.yml, and names
// that mean deletions there. A directory's path ends in a slash.
func refuse(paths []string, spec ImageSpec) error {
	allowed, err := patternmatcher.New(spec.Allow)
	if err != nil {
		return flow.Refuse(err, "correct images: "+spec.Name+": allow: in hotfix.yml")
	}
	var secret []string
	for _, name := range paths {
		base := path.Base(name)
		if strings.HasPrefix(base, whiteout) {
			return flow.Refuse(fmt.Errorf("%s can't be in an image: names that begin with %s mean deletions there", printable(name), whiteout),
				"rename it, or name it in the ignore file")
		}
		if strings.HasSuffix(name, "/") || !looksSecret(base) {
			continue
		}
		if ok, err := allowed.MatchesOrParentMatches(filepath.FromSlash(name)); err != nil {
			return err
		} else if !ok {
			secret = append(secret, printable(name))
		}
	}
	if len(secret) == 0 {
		return nil
	}
	return flow.Refuse(fmt.Errorf("what looks like a secret would enter the image %s:\n  %s", spec.Name, strings.Join(few(secret, 10), "\n  ")),
		"name it in the ignore file; where it is none, in hotfix.yml: images: "+spec.Name+": allow: ["+secret[0]+"]")
}

func looksSecret(base string) bool {
	for _, pattern := range secretNames {
		if ok, _ := path.Match(pattern, base); ok { // the patterns are well-formed
			return true
		}
	}
	return false
}

// refuseIn is refuse for what BuildKit would be given.
func refuseIn(ctx context.Context, tree fsutil.FS, spec ImageSpec) error {
	var paths []string
	err := tree.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			name += "/"
		}
		paths = append(paths, name)
		return nil
	})
	if err != nil {
		return err
	}
	return refuse(paths, spec)
}
