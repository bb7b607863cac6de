package gitflow

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"hotfix/internal/flow"
)

// A Scheme says what a hotfix version looks like and which release it patches.
type Scheme struct {
	shape   *regexp.Regexp // of a whole version; group 1 is the stem that a release's hotfixes share, group 2 the rest
	stem    *regexp.Regexp // finds a stem in what was mistyped; nil: can't
	join    string         // between stem and rest
	release string         // what the release itself has after the stem
	words   string         // the shape, for people
	next    func(rest string) string
}

var (
	calver = Scheme{
		shape: regexp.MustCompile(`^(\d\d\.\d\d\.\d+)([a-z])$`), stem: regexp.MustCompile(`\d\d\.\d\d\.\d+`),
		words: "YY.MM.Rx, such as 16.03.1b", next: nextLetter,
	}
	semver = Scheme{
		shape: regexp.MustCompile(`^(\d+\.\d+)\.([1-9]\d*)$`), stem: regexp.MustCompile(`\d+\.\d+`), join: ".", release: ".0",
		words: "MAJOR.MINOR.PATCH with a patch above 0, such as 1.4.2", next: nextNumber,
	}
)

// ParseScheme reads hotfix.yml's `git.versions`: calver, semver, or a regular expression of whole versions. Its
// first group, if any, is the release; its second what tells the release's hotfixes apart.
func ParseScheme(name string) (Scheme, error) {
	switch name {
	case "", "calver":
		return calver, nil
	case "semver":
		return semver, nil
	}
	shape, err := regexp.Compile(`^(?:` + name + `)$`)
	if err != nil {
		return Scheme{}, flow.Refuse(fmt.Errorf("versions: %w", err), "calver, semver, or a regular expression")
	}
	return Scheme{shape: shape, words: "the shape " + name, next: func(string) string { return "" }}, nil
}

// Check refuses what is not a hotfix version.
func (s Scheme) Check(version string) error {
	if s.shape.MatchString(version) {
		return nil
	}
	return flow.Refuse(fmt.Errorf("%q is not a hotfix version: it should have %s", version, s.words), "")
}

// Release is the version that a hotfix patches: 16.03.1 of 16.03.1b. It is empty where the scheme doesn't tell.
func (s Scheme) Release(version string) string {
	stem, _, ok := s.split(version)
	if !ok || stem == "" {
		return ""
	}
	return stem + s.release
}

// Next is the hotfix version of a release after all those taken, empty where there is none.
func (s Scheme) Next(release string, taken []string) string {
	stem := strings.TrimSuffix(release, s.release)
	_, last, _ := s.split(s.Newest(release, taken))
	if rest := s.next(last); rest != "" && stem != "" {
		return stem + s.join + rest
	}
	return ""
}

// Newest is the last of the hotfix versions of a release, empty where there is none.
func (s Scheme) Newest(release string, versions []string) string {
	var newest, last string
	for _, v := range versions {
		_, rest, ok := s.split(v)
		later := len(rest) > len(last) || len(rest) == len(last) && rest > last // b after a, 10 after 9
		if ok && s.Release(v) == release && (newest == "" || later) {
			newest, last = v, rest
		}
	}
	return newest
}

// Suggest is the next free version of the release that a mistyped version names, else of the newest release.
func (s Scheme) Suggest(mistyped string, taken []string) string {
	if s.stem == nil {
		return ""
	}
	stem := s.stem.FindString(mistyped)
	for _, v := range taken {
		if other := s.stem.FindString(v); s.stem.FindString(mistyped) == "" && numerically(stem, other) < 0 {
			stem = other
		}
	}
	return s.Next(stem+s.release, taken)
}

func (s Scheme) split(version string) (stem, rest string, ok bool) {
	m := s.shape.FindStringSubmatch(version)
	if m == nil {
		return "", "", false
	}
	m = append(m, "", "")
	return m[1], m[2], true
}

func nextLetter(last string) string {
	switch last {
	case "":
		return "a"
	case "z":
		return ""
	}
	return string(last[0] + 1)
}

func nextNumber(last string) string {
	n, _ := strconv.Atoi(last) // 0 for none
	return strconv.Itoa(n + 1)
}

// numerically compares dotted numbers.
func numerically(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	})
}
