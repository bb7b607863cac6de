package main

import (
	"context"
	"os"
	"time"

	"hotfix/internal/cache"
	"hotfix/internal/cache/cloudflare"
	"hotfix/internal/cache/command"
	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

func (d *deployment) purge() flow.Phase {
	purged := func(ctx context.Context) (string, bool) {
		if d.proven(ctx) != nil {
			return "", false // a redeploy is ahead, and a purge after it
		}
		return d.purged()
	}
	return &cache.Purge{Purgers: d.purgers(), Purged: purged, Proven: d.proven, Uncalled: d.nothingToPurge}
}

// nothingToPurge: every service serves the patch, and none had to be redeployed for it.
func (d *deployment) nothingToPurge(ctx context.Context) string {
	if _, err := d.log.Entries(ctx); err != nil {
		return ""
	}
	if _, redeployed := d.lastRedeploy(); redeployed || d.proven(ctx) != nil {
		return ""
	}
	return "every service serves what it served before"
}

// purgeAgain is purge after a rollback: only where something was redeployed is there anything to forget.
func (d *deployment) purgeAgain() flow.Phase {
	proven := func(ctx context.Context) error {
		before, err := d.before(ctx)
		if err != nil {
			return err
		}
		return cloud.Proven(ctx, d.stack, ran(before), d.repositories())
	}
	purged := func(context.Context) (string, bool) {
		if _, ok := d.lastRedeploy(); !ok {
			return "before", true
		}
		return d.purged()
	}
	return &cache.Purge{Purgers: d.purgers(), Purged: purged, Proven: proven}
}

// ran is the release that ran before.
type ran map[string]string

// Want implements cloud.Release.
func (r ran) Want(_ context.Context, s cloud.Service) (string, error) { return r[s.Name], nil }

func (d *deployment) purgers() []cache.Purger {
	var all []cache.Purger
	if c := d.spec.Cache.Cloudflare; c != nil {
		all = append(all, cloudflare.Purger{Zones: c.Zones, Verify: c.Verify, BaseURL: os.Getenv("CLOUDFLARE_BASE_URL"),
			Token: func(ctx context.Context) (string, error) { return d.secrets.Value(ctx, "CLOUDFLARE_API_TOKEN") }})
	}
	if len(d.spec.Cache.Command) > 0 {
		all = append(all, command.Purger{Command: d.spec.Cache.Command, Env: func(ctx context.Context) ([]string, error) {
			err := d.secrets.Resolve(ctx)
			return append(os.Environ(), d.variables.Env(true)...), err
		}})
	}
	return all
}

// purged tells when the log last saw every purge succeed after the latest redeploy.
func (d *deployment) purged() (string, bool) {
	entries, err := d.log.Entries(context.Background())
	if err != nil {
		return "", false
	}
	redeploy, _ := d.lastRedeploy()
	done := map[string]bool{}
	var when string
	for _, e := range flow.History(entries).Of(d.hotfix.Version, d.key).Phase("purge") {
		if e.Kind == flow.Done && e.Time.After(redeploy.Time) {
			done[e.What], when = true, e.Time.Local().Format(time.DateTime)
		}
	}
	return when, len(done) > 0 && len(done) >= len(d.purgers())
}

// lastRedeploy is the newest change of what serves.
func (d *deployment) lastRedeploy() (flow.Entry, bool) {
	entries, err := d.log.Entries(context.Background())
	if err != nil {
		return flow.Entry{}, false
	}
	var newest flow.Entry
	for _, phase := range []string{"canary", "redeploy", "restore"} {
		if e, ok := flow.History(entries).Of(d.hotfix.Version, d.key).Phase(phase).Last(flow.Done); ok && e.Time.After(newest.Time) {
			newest = e
		}
	}
	return newest, !newest.Time.IsZero()
}
