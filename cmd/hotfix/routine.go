package main

import "hotfix/internal/flow"

// deploy is THE ORDER in which a release is patched.
func (d *deployment) deploy() []flow.Phase {
	if d.followsTags() {
		return d.deployByTag()
	}
	next, last := d.afterCanary()
	return []flow.Phase{
		d.variables, // COMMITSHA, BRANCH_TO_DEPLOY, secrets: resolved once, before the first change
		d.sync(),    // a clean directory that holds what the remote has, and nothing else
		d.verify(),  // the code runs in a local stack with a local database
		d.build(),   // images of exactly that code
		d.push(),    // to the registry, under the hotfix commit's own tag
		d.canary(),  // the first service runs it, and is looked into
		next,        // the gate, then the other services (with `when: after-canary` the database)
		last,        // the database follows, where a migration changed (then the other services)
		d.replace(), // the deployed tag moves, now that it is proven
		d.purge(),   // the CDN forgets the old pages
	}
}

// deployByTag is the same where services follow their tag: it moves before anything is redeployed.
func (d *deployment) deployByTag() []flow.Phase {
	next, last := d.afterCanary()
	return []flow.Phase{
		d.variables, // COMMITSHA, BRANCH_TO_DEPLOY, secrets: resolved once, before the first change
		d.sync(),    // a clean directory that holds what the remote has, and nothing else
		d.verify(),  // the code runs in a local stack with a local database
		d.build(),   // images of exactly that code
		d.push(),    // to the registry, under the hotfix commit's own tag
		d.replace(), // the deployed tag moves, what ran before is kept: from here on new containers run the hotfix
		d.canary(),  // the first service is redeployed, and is looked into
		next,        // as above
		last,        // as above
		d.purge(),   // the CDN forgets the old pages
	}
}

// afterCanary are the other services and the database, or the other way round.
func (d *deployment) afterCanary() (next, last flow.Phase) {
	if d.spec.Migrate.AfterCanary() {
		return d.migrateAfterCanary(), d.redeploy()
	}
	return d.redeploy(), d.migrate()
}

// rollback is the way back to what ran before this version.
func (d *deployment) rollback() []flow.Phase {
	if d.followsTags() {
		return d.rollbackByTag()
	}
	return []flow.Phase{
		d.restore(),    // the services run the baseline again, the canary last
		d.putBack(),    // the deployed tag names it again
		d.purgeAgain(), // the CDN forgets the patched pages
	}
}

// rollbackByTag is the same where services follow their tag: it is put back first.
func (d *deployment) rollbackByTag() []flow.Phase {
	return []flow.Phase{
		d.putBack(),    // the deployed tag names the baseline again
		d.restore(),    // the services run it again, the canary last
		d.purgeAgain(), // the CDN forgets the patched pages
	}
}

// finish is the merge back into production and development.
func (p *project) finish(version string, how finishFlags) []flow.Phase {
	return []flow.Phase{
		p.mergeBack(version, how), // both merges, the tag and the branch's deletion, published together
	}
}

// start is how a hotfix begins.
func (p *project) start(version, from string) []flow.Phase {
	return []flow.Phase{
		p.branch(version, from), // off the release being patched, or the one that is there; pushed
	}
}
