package build

import (
	"testing"
)

func TestWhatEntersAnImage(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".dockerignore", "docs\n*.md\n!LICENSE.md\n")
	write(t, dir, "web.Dockerfile.dockerignore", "*\n!public\n")
	php, web := ImageSpec{Name: "php", Dockerfile: "Dockerfile"}, ImageSpec{Name: "web", Dockerfile: "web.Dockerfile"}
	for _, test := range []struct {
		specs []ImageSpec
		file  string
		want  bool
	}{
		{[]ImageSpec{php, web}, "docs/deep/page.txt", false},
		{[]ImageSpec{php, web}, "README.md", false},
		{[]ImageSpec{php, web}, "LICENSE.md", true},
		{[]ImageSpec{php, web}, "src/app.php", true},
		{[]ImageSpec{web}, "src/app.php", false},
		{[]ImageSpec{web}, "public/style.css", true},
		{[]ImageSpec{web}, "web.Dockerfile", true},
		{[]ImageSpec{web}, "web.Dockerfile.dockerignore", true},
		{[]ImageSpec{{Name: "rsync", Dockerfile: "Dockerfile", Filter: "rules"}}, "docs/page.txt", true},
	} {
		got, err := Images{Directory: Directory{Path: dir}, Specs: test.specs}.Enters([]string{"docs/other.txt", test.file})
		if err != nil || got != test.want {
			t.Errorf("%s of %d images: %v, want %v (%v)", test.file, len(test.specs), got, test.want, err)
		}
	}
}
