package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newHistory(a *app) *cobra.Command {
	var asJSON, all bool
	command := &cobra.Command{
		Use:   "history [VERSION]",
		Short: "Show what happened: who changed what, when, with which digests",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			for _, e := range p.history {
				if len(args) > 0 && e.Version != args[0] {
					continue
				}
				if asJSON {
					if err := json.NewEncoder(a.out).Encode(e); err != nil {
						return err
					}
				} else if line := story(e, all || p.history.Open(e)); line != "" {
					a.say("%s", line)
				}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the log's entries, one a line")
	command.Flags().BoolVarP(&all, "all", "a", false, "show what was begun and answered, too")
	return command
}

// story is an entry as a line; empty for those that only --all shows. What was begun and has no end is always shown.
func story(e flow.Entry, all bool) string {
	at := e.Time.Local().Format(time.DateTime)
	switch e.Kind {
	case flow.Started:
		return fmt.Sprintf("%s  %s %s by %s%s%s", at, e.Command, e.Version, e.Who, on(e), facts(e))
	case flow.Done:
		return fmt.Sprintf("%s    %s: %s%s", at, e.Phase, e.What, facts(e))
	case flow.Failed:
		return fmt.Sprintf("%s    %s: FAILED: %s: %s", at, e.Phase, e.What, e.Error)
	case flow.Skipped:
		return fmt.Sprintf("%s    %s: skipped: %s", at, e.Phase, e.Facts["reason"])
	case flow.Accepted:
		return fmt.Sprintf("%s    %s: %s accepted by %s", at, e.Phase, e.Key, e.Who)
	case flow.Baseline:
		return fmt.Sprintf("%s    before:%s", at, facts(e))
	case flow.Ended:
		return fmt.Sprintf("%s  %s %s: %s, %s s", at, e.Command, e.Version, e.Facts["outcome"], e.Facts["seconds"])
	case flow.Begun:
		if all {
			return fmt.Sprintf("%s    %s: begun: %s", at, e.Phase, e.What)
		}
	case flow.Answered:
		if all {
			return fmt.Sprintf("%s    %s: %s", at, e.Facts["question"], e.Facts["answer"])
		}
	}
	return ""
}

func on(e flow.Entry) string {
	if e.Stack == "" {
		return ""
	}
	return fmt.Sprintf(", commit %.7s, stack %s", e.Commit, e.Stack)
}

func facts(e flow.Entry) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e.Facts)) {
		if name != "seconds" {
			fmt.Fprintf(&text, "\n%24s%s: %s", "", name, e.Facts[name])
		}
	}
	return text.String()
}
