package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// An entry is one path of a tree, as far as an image sees it.
type entry struct {
	path  string // relative, with slashes, any bytes
	kind  byte   // f file, x executable, l link, d directory, o other
	link  string
	sum   fileSum // of a file's content
	mode  uint32  // as the system has it
	looks seen    // without the content
}

// A fileSum is the SHA-256 of a file's content. gob keeps it whole: a byte at a time, it takes longer than all else.
type fileSum [sha256.Size]byte

// MarshalBinary implements encoding.BinaryMarshaler.
func (s fileSum) MarshalBinary() ([]byte, error) { return s[:], nil }

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s *fileSum) UnmarshalBinary(text []byte) error {
	if len(text) != len(s) {
		return errors.New("it is no SHA-256")
	}
	copy(s[:], text)
	return nil
}

// Digest is the content of the tree under root, as sha256 in hex: every path with its type, its owner's
// executable bit, its link target or the digest of its content. `.git` at any depth and the excluded paths,
// relative to root, are left out. Owners, times and other mode bits do not matter, nor where the tree is.
func Digest(ctx context.Context, root string, excluded ...string) (string, error) {
	entries, err := scan(ctx, root, excluded, nil)
	if err != nil {
		return "", err
	}
	return digest(entries), nil
}

// digest needs the entries in order of their paths.
func digest(entries []entry) string {
	all := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(all, "%c%s\x00%s\x00", e.kind, e.path, e.link) // neither can hold a NUL
		all.Write(e.sum[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}

// scan lists and reads the tree.
func scan(ctx context.Context, root string, excluded []string, before hashed) ([]entry, error) {
	entries, err := list(ctx, root, excluded)
	if err != nil {
		return nil, err
	}
	return entries, eachEntry(ctx, entries, func(e *entry) error { return e.read(root, before) })
}

// eachEntry works on all entries, several at a time.
func eachEntry(ctx context.Context, entries []entry, do func(*entry) error) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(2 * runtime.GOMAXPROCS(0))
	const batch = 64 // files are small: one goroutine each would cost more than the work
	for part := range slices.Chunk(entries, batch) {
		work.Go(func() error {
			for i := range part {
				if err := errors.Join(ctx.Err(), do(&part[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// read adds what list can't see. A file that is still as it was when it was hashed is not hashed again.
func (e *entry) read(root string, before hashed) (err error) {
	switch path := filepath.Join(root, e.path); e.kind {
	case 'l':
		e.link, err = os.Readlink(path)
	case 'f', 'x':
		if seen, ok := before[e.path]; ok && seen.same(e.looks) {
			e.sum = seen.Sum
			return nil
		}
		e.sum, err = hashFile(path)
	}
	return err
}

func hashFile(path string) (sum fileSum, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return sum, err
	}
	return fileSum(hash.Sum(nil)), nil
}
