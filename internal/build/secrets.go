package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"

	"hotfix/internal/flow"
)

// Secrets are values that are never shown: of env files, and of commands. Each is found once in the life of a
// process.
type Secrets struct {
	Directory string              // where env files are looked for and commands run: the user's checkout
	EnvFiles  []string            // of hotfix.yml
	Commands  map[string][]string // of hotfix.yml, by name
	Stdin     io.Reader           // a command may ask for a passphrase
	Stderr    io.Writer
	Lookup    func(name string) (string, bool) // what env files may refer to; nil: nothing
	Found     func(value string)               // told of each value when it is found, to hide it; nil: nobody

	once    sync.Mutex
	read    bool              // the env files were read
	ofFiles map[string]string // their values
	ofRuns  map[string]string // the commands'
}

// Names returns the names of all secrets, sorted. Env files that can't be read have none; Resolve says why.
func (s *Secrets) Names() []string {
	s.once.Lock()
	defer s.once.Unlock()
	_ = s.readFiles()
	all := maps.Clone(s.ofFiles)
	if all == nil {
		all = map[string]string{}
	}
	for name := range s.Commands {
		all[name] = ""
	}
	return slices.Sorted(maps.Keys(all))
}

// Resolve finds all values, in the foreground: commands may ask. It is called before the first change.
func (s *Secrets) Resolve(ctx context.Context) error {
	s.once.Lock()
	defer s.once.Unlock()
	err := s.readFiles()
	for _, name := range s.commandNames() {
		_, failed := s.run(ctx, name)
		err = errors.Join(err, ofSecret(name, failed))
	}
	return err
}

// Values returns what has been resolved. The commands' values outrank the env files'.
func (s *Secrets) Values() map[string]string {
	s.once.Lock()
	defer s.once.Unlock()
	all := map[string]string{}
	maps.Copy(all, s.ofFiles)
	maps.Copy(all, s.ofRuns)
	return all
}

// Value finds one value, running its command unless it has run.
func (s *Secrets) Value(ctx context.Context, name string) (string, error) {
	s.once.Lock()
	defer s.once.Unlock()
	if _, ok := s.Commands[name]; ok {
		value, err := s.run(ctx, name)
		return value, ofSecret(name, err)
	}
	if err := s.readFiles(); err != nil {
		return "", err
	}
	if value, ok := s.ofFiles[name]; ok {
		return value, nil
	}
	return "", flow.Refuse(fmt.Errorf("there is no secret %s", name), "add it to secrets or to an env file of hotfix.yml")
}

func (s *Secrets) commandNames() []string { return slices.Sorted(maps.Keys(s.Commands)) }

// run returns the output of a secret's command without its last newline.
func (s *Secrets) run(ctx context.Context, name string) (string, error) {
	if value, ok := s.ofRuns[name]; ok {
		return value, nil
	}
	argv := s.Commands[name]
	if len(argv) == 0 {
		return "", flow.Refuse(errors.New("it has no command"), "give it one in hotfix.yml")
	}
	var value, words bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) // not flow.Command: only the foreground may ask
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Directory, s.Stdin, &value, &words
	if s.Stderr != nil {
		cmd.Stderr = io.MultiWriter(s.Stderr, &words)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = flow.Grace
	err := cmd.Run()
	found := strings.TrimSuffix(strings.TrimSuffix(value.String(), "\n"), "\r")
	if err != nil {
		said := s.without(words.String(), found)
		return "", flow.Hint(flow.ChildError(cmd, err, said), "run its command by hand, and see `secrets` in hotfix.yml")
	}
	if found == "" {
		return "", flow.Hint(fmt.Errorf("%s printed nothing", argv[0]), "run its command by hand, and see `secrets` in hotfix.yml")
	}
	if s.ofRuns == nil {
		s.ofRuns = map[string]string{}
	}
	s.ofRuns[name] = found
	s.tell(found)
	return found, nil
}

// ofSecret says which secret could not be found.
func ofSecret(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("secret %s: %w", name, err)
}

func (s *Secrets) tell(value string) {
	if s.Found != nil {
		s.Found(value)
	}
}

// without hides in a command's words whatever is or may become a secret: what it printed, and what is known.
func (s *Secrets) without(words string, printed string) string {
	hidden := append(strings.Fields(printed), printed)
	hidden = slices.AppendSeq(hidden, maps.Values(s.ofFiles))
	hidden = slices.AppendSeq(hidden, maps.Values(s.ofRuns))
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) })
	for _, value := range hidden {
		if len(value) > 3 {
			words = strings.ReplaceAll(words, value, "***")
		}
	}
	return words
}

func (s *Secrets) checks() []flow.Check {
	var checks []flow.Check
	if len(s.EnvFiles) > 0 {
		checks = append(checks, flow.Check{What: "env files " + strings.Join(s.EnvFiles, ", "), Do: func(context.Context) (string, error) {
			s.once.Lock()
			defer s.once.Unlock()
			err := s.readFiles()
			return fmt.Sprintf("%d values", len(s.ofFiles)), err
		}})
	}
	for _, name := range s.commandNames() {
		checks = append(checks, flow.Check{What: "secret " + name, Do: func(ctx context.Context) (string, error) {
			s.once.Lock()
			defer s.once.Unlock()
			_, err := s.run(ctx, name)
			return "resolved", err
		}})
	}
	return checks
}
