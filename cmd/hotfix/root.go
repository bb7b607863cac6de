package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
	"hotfix/internal/terminal"
)

// app is what every command has: the streams, the global flags, and what hides secrets.
type app struct {
	in, out, err *os.File
	dir          string // -C
	configFile   string // --config
	redactor     *terminal.Redactor
}

const long = `hotfix patches a release that is live: a git-flow hotfix branch, a clean build of
what the remote has, images under their own commit's tag, a canary, the other
services, migrations, the CDN's cache, and the merge back.

  hotfix start 16.03.1b
  hotfix deploy
  hotfix finish

It shows what each phase is about to change before it changes it, and asks. Stop
anywhere: the same command goes on from there. --dry-run shows the whole plan.`

func newRoot(a *app) *cobra.Command {
	cobra.EnableCommandSorting = false // the routine is shown in its own order
	root := &cobra.Command{
		Use: "hotfix", Short: "Patch a release that is live", Long: long,
		SilenceErrors: true, SilenceUsage: true, Args: noCommand, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", ".", "run as if started in this directory")
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "read this file instead of the hotfix commit's hotfix.yml")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return flow.Refuse(err, cmd.CommandPath()+" --help")
	})
	root.AddGroup(&cobra.Group{ID: "routine", Title: "The routine:"}, &cobra.Group{ID: "around", Title: "Around it:"})
	for _, command := range []*cobra.Command{newStart(a), newDeploy(a), newFinish(a)} {
		command.GroupID = "routine"
		root.AddCommand(command)
	}
	for _, command := range []*cobra.Command{newStatus(a), newRollback(a), newHistory(a), newDoctor(a), newEnv(a),
		newShell(a), newLogs(a), newPrune(a), newUnlock(a), newVersion(a)} {
		command.GroupID = "around"
		root.AddCommand(command)
	}
	return root
}

// arguments is a cobra check whose failure is the user's mistake.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return flow.Refuse(check(cmd, args), cmd.UseLine())
	}
}

// noCommand refuses what is no command, with the one that it looks like.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "hotfix --help"
	if likely := cmd.SuggestionsFor(args[0]); len(likely) > 0 {
		hint = "hotfix " + likely[0]
	}
	return flow.Refuse(fmt.Errorf("there is no command %q", args[0]), hint)
}

// runID names one execution in the log and its transcript.
func runID() string {
	return fmt.Sprintf("%s-%d", time.Now().UTC().Format("20060102T150405"), os.Getpid())
}

// listener shows the events of a run: on the screen, as JSON if asked for, and in the transcript; all without the
// secrets.
func (a *app) listener(json bool, transcript flow.Listener) flow.Listener {
	var listen flow.Listener = terminal.NewScreen(a.err)
	if json {
		listen = terminal.Both{First: listen, Second: terminal.NewJSON(a.out)}
	}
	if transcript != nil {
		listen = terminal.Both{First: listen, Second: transcript}
	}
	return a.redactor.Listener(listen)
}

// ask returns the person at the terminal, or nil.
func (a *app) ask() flow.Prompter { return terminal.NewPrompter(a.in, a.err) }

// say writes to standard output, without the secrets.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.out, a.redactor.Text(fmt.Sprintf(format, args...)))
}

// choose asks which of several is meant, where there is somebody to ask.
func (a *app) choose(ctx context.Context, what, flag string, names []string) (string, error) {
	if prompt := a.ask(); prompt != nil {
		return prompt.Choose(ctx, flow.Question{Title: "Which " + what + "?", Choices: names, Default: names[0]})
	}
	return "", flow.Refuse(fmt.Errorf("there are several %ss", what), fmt.Sprintf("add %s, one of %v", flag, names))
}
