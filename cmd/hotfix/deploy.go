package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

func newDeploy(a *app) *cobra.Command {
	var t target
	var f runFlags
	command := &cobra.Command{
		Use:   "deploy [VERSION]",
		Short: "Build, verify and push the hotfix, and redeploy the stack with it",
		Long: `Bring what the remote's hotfix branch holds to the stack: verified in a local
stack, built, pushed, tried in one service, then in the others; migrations, the
deployed tag, the CDN. Each phase shows what it will change, and asks. What is
done already has nothing to do, so the same command resumes.`,
		Example: "  hotfix deploy\n  hotfix deploy --sha 3209ce7 --dry-run\n  hotfix deploy --yes --confirm acme160301",
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.version = args
			return a.deploy(cmd.Context(), t, f)
		},
	}
	command.Flags().StringVar(&t.sha, "sha", "", "what the stack must run (default: found out)")
	command.Flags().BoolVar(&t.full, "full", false, "build images in full, on their base as it is now: no layer patching")
	addStack(command, &t)
	addRun(command, &f)
	command.Flags().StringVar(&f.confirm, "confirm", "", "the stack's name, as migrations want it typed; with --yes")
	command.Flags().BoolVar(&f.again, "again", false, "deploy a commit that was rolled back")
	command.Flags().StringVar(&f.only, "only", "", "run this phase alone")
	command.Flags().StringSliceVar(&f.skip, "skip", nil, "leave out verify, migrate or purge; needs --reason")
	command.Flags().StringVar(&f.reason, "reason", "", "why a phase is skipped, for the record")
	return command
}

func addStack(command *cobra.Command, t *target) {
	command.Flags().StringVar(&t.stack, "stack", "", "the stack in hotfix.yml (default: the only one)")
}

func addRun(command *cobra.Command, f *runFlags) {
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what it would do, and stop")
	command.Flags().BoolVarP(&f.yes, "yes", "y", false, "answer every confirmation but typed names")
	command.Flags().BoolVar(&f.wait, "wait", false, "wait for whoever holds the lock")
	command.Flags().BoolVar(&f.json, "json", false, "print events to standard output, one a line")
}

func (a *app) deploy(ctx context.Context, t target, f runFlags) error {
	if err := a.nobody(f); err != nil {
		return err
	}
	d, err := a.deployment(ctx, t)
	if err != nil {
		return err
	}
	services, err := d.affectable(ctx)
	if err != nil {
		return err
	}
	if err := d.descends(ctx, d.hotfix, d.file.ImageTag, services); err != nil {
		return err
	}
	if err := d.notEmpty(ctx); err != nil {
		return err
	}
	again := strings.Join([]string{"hotfix deploy", d.hotfix.Version, "--stack", d.key}, " ")
	r, record, err := d.project.runner(f, d.about("deploy", again), d.deploy())
	if err != nil {
		return err
	}
	r.Back, r.Baseline = d.rollback(), d.look
	if len(services) > 0 {
		r.Looks = append(r.Looks, cloud.Looks(d.stack, a.in, a.err)(d.canaryName(services))[0])
	}
	d.remark(ctx, r)
	err = r.Run(ctx)
	d.receipt(ctx, r.About, record, r.Listen, err)
	return err
}

func (d *deployment) about(command, again string) flow.About {
	return flow.About{Command: command, Version: d.hotfix.Version, Stack: d.key, Commit: d.hotfix.Commit, Place: d.place(), Again: again}
}

// notEmpty refuses a hotfix that holds nothing beyond what ran before it.
func (d *deployment) notEmpty(ctx context.Context) error {
	_, since, _, err := d.baseline(ctx)
	if err != nil || since != d.hotfix.Commit {
		return err
	}
	if commits, err := d.unpushed(ctx); err == nil && len(commits) > 0 {
		return flow.Refuse(fmt.Errorf("the remote's %s holds nothing yet; not pushed:\n%s", d.hotfix.Branch, strings.Join(commits, "\n")), "git push")
	}
	return flow.Refuse(fmt.Errorf("%s holds nothing beyond %s, which runs", d.hotfix.Branch, short(since)),
		"commit the patch on it, and git push")
}

// canaryName is the service that a menu's shell opens in.
func (d *deployment) canaryName(services []cloud.Service) string {
	if d.spec.Canary != "" {
		return d.spec.Canary
	}
	return services[0].Name
}
