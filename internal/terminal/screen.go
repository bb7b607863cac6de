// Package terminal is what a person sees and answers: prompts, the checklist of phases, progress; and what
// nobody sees: secrets. Inline, no alternate screen, so that the scrollback is the story.
package terminal

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"

	"hotfix/internal/flow"
)

// Screen shows the events of a run as lines. Colour and a line that is written over exist on a terminal alone.
type Screen struct {
	out      *os.File
	live     bool // a terminal that lines can be written over on
	color    bool
	shown    string    // the line to write over, "" none
	progress time.Time // when progress was shown last
	midLine  bool      // output stopped within a line
	planned  int       // actions of the phase
}

// NewScreen returns a Screen on out. NO_COLOR and dumb terminals are respected.
func NewScreen(out *os.File) *Screen {
	tty := term.IsTerminal(out.Fd()) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
	return &Screen{out: out, live: tty, color: tty && os.Getenv("NO_COLOR") == ""}
}

// Event implements flow.Listener.
func (s *Screen) Event(e flow.Event) {
	switch e.Kind {
	case flow.EventRun:
		s.line(s.paint(bold, "hotfix "+e.What))
	case flow.EventPlan:
		s.plan(e)
	case flow.EventAction:
		s.progress = time.Now() // what is quick needs no progress
		if s.planned > 1 {      // one alone was just named
			s.line(s.paint(bold, "● ") + e.What)
		}
	case flow.EventOutput:
		s.output(e.What)
	case flow.EventProgress:
		s.tell(e)
	case flow.EventFact:
		s.line("  " + s.paint(faint, e.Name+": ") + digest.ReplaceAllString(e.Value, "$1"))
	case flow.EventDone:
		if e.What != "" {
			s.line(fmt.Sprintf("%s %s %s", s.paint(green, "✓"), e.What, s.paint(faint, seconds(e.Seconds))))
		}
	case flow.EventFailed:
		s.line(s.paint(red, "✗ ") + e.Phase)
	case flow.EventSkipped:
		s.line(s.paint(yellow, "- ") + e.Phase + ": skipped: " + e.What)
	case flow.EventCheck:
		s.check(e)
	case flow.EventAnswer:
		s.line(s.paint(faint, "? "+e.What+": ") + e.Value)
	case flow.EventNote:
		s.line("  " + e.What)
	}
}

// digest is one in full; on the screen twelve digits do, the log has them all.
var digest = regexp.MustCompile(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

func (s *Screen) plan(e flow.Event) {
	s.planned = len(e.Plan)
	if len(e.Plan) == 0 {
		s.line(s.paint(green, "✓ ") + e.Phase + s.paint(faint, ": nothing to do: "+e.What))
		return
	}
	s.line(s.paint(bold, e.Phase) + " will:")
	for _, what := range e.Plan {
		s.line("  - " + what)
	}
}

func (s *Screen) check(e flow.Event) {
	if e.Error == "" {
		s.line(s.paint(green, "✓ ") + e.What + s.paint(faint, ": "+e.Value))
		return
	}
	s.line(s.paint(red, "✗ ") + e.What + ": " + e.Error)
	for _, hint := range e.Hints {
		s.line("    hint: " + hint)
	}
}

// tell shows progress: a line written over on a terminal, elsewhere a line now and then.
func (s *Screen) tell(e flow.Event) {
	pause := 10 * time.Second
	if s.live {
		pause = 100 * time.Millisecond
	}
	if time.Since(s.progress) < pause {
		return
	}
	s.progress = time.Now()
	text := fmt.Sprintf("  %s: %s", e.What, amount(e.Done))
	if e.Total > 0 {
		text = fmt.Sprintf("  %s: %s of %s, %d %%", e.What, amount(e.Done), amount(e.Total), 100*e.Done/e.Total)
	}
	if !s.live {
		s.line(text)
		return
	}
	if width, _, err := term.GetSize(s.out.Fd()); err == nil && width > 0 && len(text) >= width {
		text = text[:width-1]
	}
	s.clear()
	fmt.Fprint(s.out, text)
	s.shown = text
}

// output shows what runs inside, each line behind a bar.
func (s *Screen) output(text string) {
	s.clear()
	for _, part := range strings.SplitAfter(text, "\n") {
		if part == "" {
			continue
		}
		if !s.midLine {
			fmt.Fprint(s.out, s.paint(faint, "  │ "))
		}
		fmt.Fprint(s.out, part)
		s.midLine = !strings.HasSuffix(part, "\n")
	}
}

func (s *Screen) line(text string) {
	s.clear()
	if s.midLine {
		fmt.Fprintln(s.out)
		s.midLine = false
	}
	fmt.Fprintln(s.out, text)
}

func (s *Screen) clear() {
	if s.shown != "" {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.shown = ""
	}
}
