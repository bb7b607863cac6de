package flow

import "testing"

// What was begun is open until its own run says how it ended.
func TestOpen(t *testing.T) {
	entry := func(run string, kind Kind, what string) Entry {
		return Entry{Run: run, Kind: kind, Phase: "canary", What: what}
	}
	h := History{entry("1", Begun, "redeploy php"), entry("2", Begun, "redeploy php"), entry("2", Done, "redeploy php"), entry("2", Begun, "redeploy web"),
		entry("3", Begun, "redeploy web"), entry("3", Failed, "redeploy web")}
	for i, want := range []bool{true, false, false, true, false, false} {
		if got := h.Open(h[i]); got != want {
			t.Errorf("%+v is open: %t", h[i], got)
		}
	}
}
