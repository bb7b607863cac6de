//go:build swarm

package swarm_test

import (
	"fmt"
	"testing"
	"time"

	"hotfix/internal/cloud"
)

// TestTenInARow: three services are patched ten times, the canary first, and each is asked every 10 ms all the while.
func TestTenInARow(t *testing.T) {
	s := newShopAlone(t, "nginx")
	canary, redeploy := cloud.Canary{Rollout: s.rollout}, cloud.Redeploy{Rollout: s.rollout}
	for n := range 10 {
		s.release()
		began, users := time.Now(), ask(t, s.ports...)
		s.do(s.plan(canary, "redeploy phpfiles"))
		s.do(s.plan(redeploy, "redeploy phpha", "redeploy web"))
		users.nothingFailed(t, fmt.Sprintf("redeploy %d, %.1f s", n+1, time.Since(began).Seconds()))
		s.must(cloud.Proven(t.Context(), s.Stack, s.wanted, s.rollout.Repositories))
		s.php, s.newPHP, s.nginx, s.newNginx = s.newPHP, s.php, s.newNginx, s.nginx // the next one patches what this one brought
	}
}
