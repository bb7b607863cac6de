package terminal

import "fmt"

const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint puts text in a colour of the terminal's own palette, or leaves it alone.
func (s *Screen) paint(code, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func seconds(n float64) string {
	if n < 60 {
		return fmt.Sprintf("(%.1f s)", n)
	}
	return fmt.Sprintf("(%d min %d s)", int(n)/60, int(n)%60)
}

// amount writes bytes as people do; progress that counts pieces stays below the first unit.
func amount(n int64) string {
	switch {
	case n < 1e4:
		return fmt.Sprint(n)
	case n < 1e6:
		return fmt.Sprintf("%d kB", n/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
