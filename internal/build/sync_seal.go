package build

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"hotfix/internal/flow"
)

// seal ends a sync: modes and times as everywhere, the content digested, and the stamp, last.
func (s *Sync) seal(ctx context.Context, report flow.Report) error {
	if err := s.copyPrivate(ctx); err != nil { // again: a prepare command may have been at them
		return err
	}
	entries, err := s.Directory.normalise(ctx)
	if err != nil {
		return flow.Hint(fmt.Errorf("normalise %s: %w", s.Directory.Path, err), "sudo chown -R $USER "+s.Directory.Path)
	}
	if err := s.refreshIndex(ctx); err != nil {
		return err
	}
	known, err := remember(s.Directory.Path, entries)
	if err != nil {
		return err
	}
	err = s.Directory.write("hashed", func(w io.Writer) error { return gob.NewEncoder(w).Encode(known) })
	if err != nil {
		return err
	}
	stamp := Stamp{Commit: s.Commit, Content: digest(entries), Inputs: s.inputs(), Time: time.Now().UTC()}
	report.Fact("content", stamp.Content)
	return s.Directory.write("stamp.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(stamp) })
}

// inputs digests what the directory depends on besides the commit. Variables matter to prepare commands only.
func (s *Sync) inputs() string {
	on := struct {
		Private   []string
		Prepare   []Command
		Variables map[string]string
	}{Private: s.Directory.Private, Prepare: s.Prepare}
	if len(s.Prepare) > 0 && s.Variables != nil {
		on.Variables = s.Variables.Values()
	}
	text, _ := json.Marshal(on) // strings only: it can't fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// normalise gives everything that may enter images the mode that git knows of, and a time that comes from its
// content: to BuildKit, which compares sizes and times, an unchanged file is one wherever it was checked out.
func (d Directory) normalise(ctx context.Context) ([]entry, error) {
	entries, err := list(ctx, d.Path, d.Private)
	if err != nil {
		return nil, err
	}
	before := readHashed(d.own("hashed"))
	return entries, eachEntry(ctx, entries, func(e *entry) error {
		path := filepath.Join(d.Path, e.path)
		if err := e.setMode(path); err != nil {
			return err
		}
		if err := e.read(d.Path, before); err != nil {
			return err
		}
		return e.setTime(path)
	})
}

func (e *entry) setMode(path string) error {
	mode := uint32(0o755)
	switch e.kind {
	case 'l', 'o':
		return nil
	case 'f':
		mode = 0o644
	}
	if e.mode&0o7777 == mode {
		return nil
	}
	return os.Chmod(path, fs.FileMode(mode))
}

func (e *entry) setTime(path string) error {
	sum := e.sum
	if e.kind == 'l' {
		sum = sha256.Sum256([]byte(e.link))
	}
	wanted := timeOf(sum)
	if e.looks.Modified == wanted.UnixNano() {
		return nil
	}
	spec := unix.NsecToTimespec(wanted.UnixNano())
	err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{spec, spec}, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return &fs.PathError{Op: "set the time of", Path: path, Err: err}
	}
	return nil
}

// timeOf is some moment between 2001 and 2018. Nanoseconds make two contents of one size with one time as
// good as impossible.
func timeOf(sum fileSum) time.Time {
	seconds := 1_000_000_000 + int64(binary.BigEndian.Uint32(sum[:4])>>3)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(sum[4:8])%1_000_000_000))
}

// refreshIndex tells git about the times: what its index takes for changed is written anew by the next checkout.
func (s *Sync) refreshIndex(ctx context.Context) error {
	if _, err := s.git(ctx, "update-index", "-q", "--refresh"); err != nil {
		return err
	}
	if !s.hasSubmodules() {
		return nil
	}
	_, err := s.git(ctx, "submodule", "foreach", "--quiet", "--recursive", "git update-index -q --refresh")
	return err
}

func (d Directory) unstamp() error {
	err := os.Remove(d.own("stamp.json"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

// write replaces one of hotfix's own files whole.
func (d Directory) write(name string, content func(io.Writer) error) error {
	path := d.own(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	if err := errors.Join(content(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
