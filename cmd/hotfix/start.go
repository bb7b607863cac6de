package main

import (
	"strings"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newStart(a *app) *cobra.Command {
	var from string
	var f runFlags
	command := &cobra.Command{
		Use:   "start VERSION",
		Short: "Create the hotfix branch off the release, or switch to it; push it",
		Long: `Create the branch hotfix/VERSION and push it. It starts from the newest hotfix of
the release, else from the release's tag, else from production. A branch that
exists, here or on the remote, is switched to. No hotfix.yml is needed.`,
		Example: "  hotfix start 16.03.1b",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			version := strings.Join(args, "") // none: start says which one is next
			f.yes = true                      // the command says it all: there is nothing to confirm
			about := flow.About{Command: "start", Version: version, Again: "hotfix start " + version}
			r, _, err := p.runner(f, about, p.start(version, from))
			if err != nil {
				return err
			}
			r.Lock = p.repo.Lock("hotfix start " + version) // the remote lets one of two create the branch
			return r.Run(cmd.Context())
		},
	}
	command.Flags().StringVar(&from, "from", "", "start from this tag, branch or commit instead")
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what it would do, and stop")
	command.Flags().BoolVar(&f.json, "json", false, "print events to standard output, one a line")
	return command
}
