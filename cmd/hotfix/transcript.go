package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// transcript keeps what a run printed, on this machine alone, without the secrets: a migration's output belongs
// in no shared log. Nothing is written before the first action.
type transcript struct {
	path string
	file *os.File
}

func (p *project) transcriptPath(run string) string {
	return filepath.Join(p.repo.GitDir(), "hotfix", "runs", run+".txt")
}

// Event implements flow.Listener.
func (t *transcript) Event(e flow.Event) {
	if t.file == nil && e.Kind != flow.EventAction {
		return
	}
	if t.file == nil && t.open() != nil {
		return
	}
	at := e.Time.Format(time.TimeOnly)
	switch e.Kind {
	case flow.EventOutput:
		fmt.Fprint(t.file, e.What)
	case flow.EventAction, flow.EventNote:
		fmt.Fprintf(t.file, "%s %s: %s\n", at, e.Phase, e.What)
	case flow.EventFact:
		fmt.Fprintf(t.file, "%s %s: %s: %s\n", at, e.Phase, e.Name, e.Value)
	case flow.EventDone:
		fmt.Fprintf(t.file, "%s %s: done %s (%.1f s)\n", at, e.Phase, e.What, e.Seconds)
	case flow.EventFailed:
		fmt.Fprintf(t.file, "%s %s: failed: %s\n", at, e.Phase, e.Error)
	case flow.EventAnswer:
		fmt.Fprintf(t.file, "%s %s: %s\n", at, e.What, e.Value)
	}
}

func (t *transcript) open() (err error) {
	if err = os.MkdirAll(filepath.Dir(t.path), 0o755); err == nil {
		t.file, err = os.OpenFile(t.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	return err
}

// tail writes its last lines.
func (t *transcript) tail(out io.Writer, lines int) error {
	file, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer file.Close()
	var last []string
	for s := bufio.NewScanner(file); s.Scan(); {
		last = append(last, s.Text())
		last = last[max(0, len(last)-lines):]
	}
	_, err = fmt.Fprintln(out, strings.Join(last, "\n"))
	return err
}
