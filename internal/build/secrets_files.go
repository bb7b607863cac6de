package build

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"hotfix/internal/flow"
)

// readFiles reads the env files, later ones over earlier ones. Their errors quote nothing: any word may be a
// secret.
func (s *Secrets) readFiles() error {
	if s.read {
		return nil
	}
	all := map[string]string{}
	for _, name := range s.EnvFiles {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Directory, name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			var cause *os.PathError
			errors.As(err, &cause)
			return flow.Hint(fmt.Errorf("read env file %s: %w", name, cause.Err), "create it, or take it out of env-files in hotfix.yml")
		}
		values, err := s.parse(text, all)
		if err != nil {
			return flow.Hint(fmt.Errorf("env file %s: %w", name, err), "write NAME='value'")
		}
		maps.Copy(all, values)
	}
	s.ofFiles, s.read = all, true
	for _, value := range all {
		s.tell(value)
	}
	return nil
}

var (
	errorLine = regexp.MustCompile(`line \d+`)
	reference = regexp.MustCompile(`\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})`)
	digit     = regexp.MustCompile(`^[0-9]`)
)

// parse reads one file by compose's rules, which let it refer to the files before it, but for one: a reference to nothing is an error. Compose would
// log its name, which in pa$word is half the password, and go on without it.
func (s *Secrets) parse(text []byte, earlier map[string]string) (map[string]string, error) {
	values, unknown := map[string]string{}, map[string]bool{}
	known := func(name string) (string, bool) {
		if s.Lookup != nil {
			if value, ok := s.Lookup(name); ok {
				return value, true
			}
		}
		if value, ok := values[name]; ok {
			return value, true
		}
		value, ok := earlier[name]
		return value, ok
	}
	parse := func(lookup dotenv.LookupFn) error {
		clear(values)
		err := dotenv.ParseWithFormat(bytes.NewReader(text), "", values, lookup, "")
		return unquoted(err)
	}
	err := parse(func(name string) (string, bool) {
		value, ok := known(name)
		unknown[name] = unknown[name] || !ok
		return value, true
	})
	if err != nil {
		return nil, err
	}
	for _, match := range reference.FindAllSubmatchIndex(text, -1) {
		found := reference.ReplaceAll(text[match[0]:match[1]], []byte("$1$2"))
		if unknown[string(found)] {
			line := bytes.Count(text[:match[0]], []byte("\n")) + 1
			return nil, fmt.Errorf("line %d refers with $ to a variable that is not set", line)
		}
	}
	if slices.Contains(slices.Collect(maps.Values(unknown)), true) {
		if err := parse(known); err != nil { // ${NAME-default} and the like: now by their rules
			return nil, err
		}
	}
	maps.DeleteFunc(values, func(name, _ string) bool { return digit.MatchString(name) })
	return values, nil
}

// unquoted keeps of a parser's error the line, and not the text that it quotes.
func unquoted(err error) error {
	if err == nil {
		return nil
	}
	if line := errorLine.FindString(err.Error()); line != "" {
		return fmt.Errorf("%s is not NAME=value", line)
	}
	return errors.New("it is not a list of NAME=value")
}
