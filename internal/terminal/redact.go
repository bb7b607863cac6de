package terminal

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// mask stands where a secret was.
const mask = "[secret]"

// shortest is the length from which a value is worth hiding: a shorter one would blank half of the output and
// is no secret.
const shortest = 4

// Redactor hides secrets in whatever is shown or written down: raw, base64 and URL-encoded.
type Redactor struct {
	mu     sync.RWMutex
	public []string
	forms  []string // longest first, so that a secret that contains another goes as a whole
}

// Public names values that are in plain sight anyway: a stack's name in an env file is no secret.
func (r *Redactor) Public(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.public = append(r.public, values...)
}

// Hide adds secrets. The lines of one with several lines are hidden each, too.
func (r *Redactor) Hide(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range secrets {
		lines := strings.Split(secret, "\n")
		for _, value := range append(lines, secret) {
			value = strings.TrimSpace(value)
			if len(value) >= shortest && !slices.Contains(r.public, value) && !slices.Contains([]string{"true", "false", "null", "none"}, value) {
				r.forms = append(r.forms, forms(value)...)
			}
		}
	}
	slices.SortFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
	r.forms = slices.Compact(r.forms)
}

// forms are the ways in which a secret gets written.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, inBase64(encoding, secret)...)
	}
	return all
}

// inBase64 gives what a secret looks like inside a longer base64 text: "user:secret" shifts it by one, two or
// three bytes, and the characters that it shares with its neighbours differ.
func inBase64(encoding *base64.Encoding, secret string) []string {
	var all []string
	for shift := range 3 {
		text := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		start := (shift*8 + 5) / 6
		end := (shift + len(secret)) * 8 / 6
		if end-start >= 2*shortest {
			all = append(all, text[start:end])
		}
	}
	return all
}

// Text returns s with every secret hidden.
func (r *Redactor) Text(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, form := range r.forms {
		s = strings.ReplaceAll(s, form, mask)
	}
	return s
}

// open returns from where on the end of s may be the beginning of a secret that goes on in the next chunk.
func (r *Redactor) open(s string) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	from := len(s)
	for _, form := range r.forms {
		for n := min(len(form)-1, len(s)); n > len(s)-from; n-- {
			if strings.HasSuffix(s, form[:n]) {
				from = len(s) - n
			}
		}
	}
	return from
}

// stream redacts a text that comes in chunks: it holds back what may be the beginning of a secret.
type stream struct {
	redactor *Redactor
	held     string
}

func (s *stream) next(chunk string) string {
	text := s.held + chunk
	from := s.redactor.open(text)
	s.held = text[from:]
	return s.redactor.Text(text[:from])
}

func (s *stream) rest() string {
	text := s.redactor.Text(s.held)
	s.held = ""
	return text
}
