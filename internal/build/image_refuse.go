package build

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/tonistiigi/fsutil"

	"hotfix/internal/flow"
)

// secretNames are names that keys and passwords usually have.
var secretNames = []string{".env", "*secrets*", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*.ppk", "*.p12", "*.pfx"}

// keyLine is how a private key begins, on a line of its own: a program that only speaks of keys is none.
var keyLine = regexp.MustCompile(`(?m)^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----\r?\n[A-Za-z0-9+/=: -]`)

// refuse stops what must not be in an image: what looks like a secret, by its name or as opened, and is not allowed in
// hotfix.yml, and names that mean deletions there. A directory's path ends in a slash. open may return nothing, for a
// file that needs no look.
func refuse(paths []string, open func(name string) (io.ReadCloser, error), spec ImageSpec) error {
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
		if strings.HasSuffix(name, "/") {
			continue
		}
		if is, err := isSecret(name, open); err != nil {
			return err
		} else if !is {
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

func isSecret(name string, open func(name string) (io.ReadCloser, error)) (bool, error) {
	if looksSecret(path.Base(name)) {
		return true, nil
	}
	file, err := open(name)
	if err != nil || file == nil {
		return false, err
	}
	defer file.Close()
	const most = 32 << 10 // keys are small, and what stands before them too
	head, err := io.ReadAll(io.LimitReader(file, most))
	return err == nil && keyLine.Match(head), err
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
	files := map[string]bool{}
	err := tree.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		files[name] = entry.Type().IsRegular()
		if entry.IsDir() {
			name += "/"
		}
		paths = append(paths, name)
		return nil
	})
	if err != nil {
		return err
	}
	return refuse(paths, func(name string) (io.ReadCloser, error) {
		if !files[name] {
			return nil, ctx.Err()
		}
		return tree.Open(filepath.FromSlash(name))
	}, spec)
}
