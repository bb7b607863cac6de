package gitflow

import "testing"

func TestSchemes(t *testing.T) {
	for _, test := range []struct {
		scheme, version, release string // an empty release: refused
		taken                    []string
		next                     string
	}{
		{"calver", "16.03.1b", "16.03.1", []string{"16.03.1a", "16.03.1b", "16.03.1", "16.03.2f"}, "16.03.1c"},
		{"", "16.03.12a", "16.03.12", []string{"16.03.1a"}, "16.03.12a"},
		{"calver", "16.03.1a", "16.03.1", []string{"16.03.1z"}, ""},
		{"calver", "16.03.1", "", nil, ""},
		{"calver", "16.03.1ab", "", nil, ""},
		{"calver", "16.03.1a\n", "", nil, ""},
		{"semver", "1.4.2", "1.4.0", []string{"1.4.0", "1.4.9", "1.4.10", "1.5.11"}, "1.4.11"},
		{"semver", "1.4.1", "1.4.0", []string{"1.4.0"}, "1.4.1"},
		{"semver", "1.4.0", "", nil, ""},
		{"semver", "v1.4.1", "", nil, ""},
		{`(r\d+)-(\d+)`, "r7-2", "r7", []string{"r7-1"}, ""},
		{`(r\d+)-(\d+)`, "r7-2x", "", nil, ""},
	} {
		scheme, err := ParseScheme(test.scheme)
		if err != nil {
			t.Fatal(err)
		}
		if err := scheme.Check(test.version); (err == nil) != (test.release != "") {
			t.Errorf("%s: Check(%q) = %v", test.scheme, test.version, err)
		}
		if got := scheme.Release(test.version); got != test.release {
			t.Errorf("%s: Release(%q) = %q, want %q", test.scheme, test.version, got, test.release)
		}
		if got := scheme.Next(test.release, test.taken); got != test.next {
			t.Errorf("%s: Next(%q, %q) = %q, want %q", test.scheme, test.release, test.taken, got, test.next)
		}
	}
	if _, err := ParseScheme("(unclosed"); err == nil {
		t.Error("a broken expression was accepted")
	}
}

func TestSuggest(t *testing.T) {
	taken := []string{"16.03.2a", "16.03.10", "16.03.1", "15.12.30"}
	for mistyped, want := range map[string]string{"": "16.03.10a", "16.03.2": "16.03.2b", "v16.03.1x": "16.03.1a", "nonsense": "16.03.10a"} {
		if got := calver.Suggest(mistyped, taken); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", mistyped, got, want)
		}
	}
	if got := calver.Suggest("nonsense", nil); got != "" {
		t.Errorf("out of nothing: %q", got)
	}
}
