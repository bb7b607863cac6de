package gitflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"hotfix/internal/flow"
)

// FileLog is the log, one JSON line an entry, in the repository's .git.
type FileLog struct{ Path string }

var _ flow.Log = FileLog{}

// Log is the project's log.
func (r *Repository) Log() FileLog {
	return FileLog{Path: filepath.Join(r.common, "hotfix", "log.jsonl")}
}

// Append returns once the entries are on the disk. Concurrent appends lose nothing.
func (l FileLog) Append(ctx context.Context, entries ...flow.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, e := range entries {
		if err := json.NewEncoder(&lines).Encode(e); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
	}
	if err := l.append(lines.Bytes()); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	return nil
}

func (l FileLog) append(lines []byte) error {
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(l.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer file.Close() // which also unlocks it
	if err := flock(file, syscall.LOCK_EX); err != nil {
		return err
	}
	if err := repair(file); err != nil {
		return err
	}
	if _, err := file.Write(lines); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(l.Path))
}

// repair ends a torn last line: what is a whole entry gets its newline, what isn't was never safe and goes.
func repair(file *os.File) error {
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(content, '\n') + 1
	torn := content[whole:]
	switch {
	case len(torn) == 0:
		return nil
	case json.Valid(torn):
		_, err = file.Write([]byte("\n"))
		return err
	}
	return file.Truncate(int64(whole))
}

// syncDirectory makes a new file's name survive a power cut.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// A line of the log: its text is its identity.
type line struct {
	text  string
	entry flow.Entry
}

// Entries returns all entries, oldest first. A torn last line is no entry; any other unreadable line is an error.
func (l FileLog) Entries(ctx context.Context) ([]flow.Entry, error) {
	lines, err := l.lines(ctx)
	if err != nil {
		return nil, err
	}
	return entriesOf(lines), nil
}

func entriesOf(lines []line) []flow.Entry {
	var entries []flow.Entry
	for _, l := range lines {
		entries = append(entries, l.entry)
	}
	return entries
}

func (l FileLog) lines(ctx context.Context) ([]line, error) {
	content, err := l.read()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	lines, err := parse(l.Path, content)
	return lines, errors.Join(err, ctx.Err())
}

// parse reads the lines of a log that is kept at where.
func parse(where string, content []byte) (lines []line, err error) {
	for number := 1; len(content) > 0; number++ {
		text, rest, ended := bytes.Cut(content, []byte("\n"))
		var e flow.Entry
		if err := json.Unmarshal(text, &e); err != nil || e.Kind == "" {
			if !ended {
				break
			}
			return nil, flow.Hint(fmt.Errorf("reading the log: %s:%d: not an entry: %.60q", where, number, text),
				"look at that line: what it recorded is not known; correct it or move it out of the file")
		}
		lines, content = append(lines, line{string(text), e}), rest
	}
	return lines, nil
}

func (l FileLog) read() ([]byte, error) {
	file, err := os.Open(l.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := flock(file, syscall.LOCK_SH); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// flock locks a whole file until it is closed, also by the end of the process.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
