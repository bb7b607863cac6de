package main

import (
	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

// finishFlags are the ways to finish other than the usual one.
type finishFlags struct{ tagOnly, pullRequest bool }

func newFinish(a *app) *cobra.Command {
	var f runFlags
	var how finishFlags
	command := &cobra.Command{
		Use:   "finish [VERSION]",
		Short: "Merge the hotfix into production and development, tag it, delete its branch",
		Long: `Merge the hotfix branch into production and development and tag it, all published
together or not at all. Conflicts are named before anything changes. Your working
tree stays as it is. No hotfix.yml is needed.`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.nobody(f); err != nil {
				return err
			}
			p, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			version, err := p.version(cmd.Context(), args)
			if err != nil {
				return err
			}
			about := flow.About{Command: "finish", Version: version, Again: "hotfix finish " + version, Place: p.settings.Remote}
			r, _, err := p.runner(f, about, p.finish(version, how))
			if err != nil {
				return err
			}
			return r.Run(cmd.Context())
		},
	}
	addRun(command, &f)
	command.Flags().StringVar(&f.confirm, "confirm", "", "the version, where it would have to be typed; with --yes")
	command.Flags().BoolVar(&how.tagOnly, "tag-only", false, "tag the hotfix as it is, merge it nowhere: production has left the release behind")
	command.Flags().BoolVar(&how.pullRequest, "pull-request", false, "push the merges as branches, for protected ones; again once they are merged")
	command.MarkFlagsMutuallyExclusive("tag-only", "pull-request")
	return command
}
