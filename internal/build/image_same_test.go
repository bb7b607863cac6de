package build

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// at is a time of its own for every layer that is made: times must not matter.
var at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func file(name, text string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: text}
}

func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
}

// layerOf makes a layer; a file's text is in its Linkname.
func layerOf(t *testing.T, headers ...tar.Header) v1.Layer {
	t.Helper()
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	at = at.Add(time.Hour)
	for _, header := range headers {
		text := ""
		if header.Typeflag == tar.TypeReg {
			text, header.Linkname, header.Size = header.Linkname, "", int64(len(header.Linkname))
		}
		header.ModTime = at
		if err := out.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func TestSameContent(t *testing.T) {
	random, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	on := func(image v1.Image, layers ...v1.Layer) v1.Image {
		t.Helper()
		image, err := mutate.AppendLayers(image, layers...)
		if err != nil {
			t.Fatal(err)
		}
		return image
	}
	base := on(random, layerOf(t, dir("app"), dir("etc"), file("etc/hosts", "h"), file("etc/motd", "m")))
	full := func(more ...tar.Header) v1.Layer {
		return layerOf(t, append([]tar.Header{dir("app"), file("app/a.php", "1"), file("app/b.php", "2"), dir("app/lib"), file("app/lib/c", "3")}, more...)...)
	}
	mode, owner, link := file("app/a.php", "1"), file("app/a.php", "1"), tar.Header{Typeflag: tar.TypeSymlink, Name: "app/a.php", Linkname: "b.php"}
	mode.Mode, owner.Uid = 0o755, 33
	for name, c := range map[string]struct {
		a, b v1.Image
		same bool
	}{
		"one image":                         {base, base, true},
		"another time":                      {on(base, full()), on(base, full()), true},
		"another text":                      {on(base, full()), on(base, full(file("app/a.php", "x"))), false},
		"another mode":                      {on(base, full()), on(base, full(mode)), false},
		"another owner":                     {on(base, full()), on(base, full(owner)), false},
		"a link":                            {on(base, full()), on(base, full(link)), false},
		"one more file":                     {on(base, full()), on(base, full(file("app/z", ""))), false},
		"an empty layer":                    {on(base, full()), on(base, full(), layerOf(t)), true},
		"names with a dot":                  {on(base, layerOf(t, file("./x", "1"))), on(base, layerOf(t, file("/x", "1"))), true},
		"a patch, and the whole":            {on(base, full(file("app/z", "")), layerOf(t, dir("app"), file("app/a.php", "x"), file("app/.wh.z", ""))), on(base, full(file("app/a.php", "x"))), true},
		"a patch, and the old":              {on(base, full(), layerOf(t, file("app/a.php", "x"))), on(base, full()), false},
		"a directory that is there anyhow":  {on(base, full(), layerOf(t, dir("etc"))), on(base, full()), true},
		"a file that is there anyhow":       {on(base, full(), layerOf(t, file("etc/motd", "m"))), on(base, full()), true},
		"a file of the base deleted":        {on(base, full(), layerOf(t, file("etc/.wh.motd", ""))), on(base, full()), false},
		"deleted twice":                     {on(base, layerOf(t, file("etc/.wh.motd", "")), layerOf(t, file("etc/.wh.motd", ""))), on(base, layerOf(t, file("etc/.wh.motd", ""))), true},
		"deleted what was not there":        {on(base, full(), layerOf(t, file("etc/.wh.none", ""))), on(base, full()), true},
		"a directory deleted":               {on(base, full(), layerOf(t, file("app/.wh.lib", ""))), on(base, layerOf(t, dir("app"), file("app/a.php", "1"), file("app/b.php", "2"))), true},
		"a directory emptied":               {on(base, full(), layerOf(t, dir("app/lib"), file("app/lib/.wh..wh..opq", ""))), on(base, layerOf(t, dir("app"), file("app/a.php", "1"), file("app/b.php", "2"), dir("app/lib"))), true},
		"a directory emptied and filled":    {on(base, full(), layerOf(t, file("app/lib/.wh..wh..opq", ""), file("app/lib/c", "3"))), on(base, full()), true},
		"a directory replaced by a file":    {on(base, full(), layerOf(t, file("app/lib", "f"))), on(base, layerOf(t, dir("app"), file("app/a.php", "1"), file("app/b.php", "2"), file("app/lib", "f"))), true},
		"a directory, and a file":           {on(base, full(), layerOf(t, file("app/lib", "f"))), on(base, full()), false},
		"no base in common, the same files": {on(empty(t), full()), on(empty(t), full()), true},
		"no base in common, other files":    {on(empty(t), full(), layerOf(t, file("app/.wh.b.php", ""))), on(empty(t), full()), false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, pair := range [][2]v1.Image{{c.a, c.b}, {c.b, c.a}} {
				same, err := Contents{}.Same(pair[0], pair[1])
				if err != nil || same != c.same {
					t.Errorf("the same: %v, %v", same, err)
				}
			}
		})
	}
}

func empty(t *testing.T) v1.Image {
	t.Helper()
	image, err := random.Image(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Labels, times and history are no reason to restart; anything a process sees is.
func TestSameConfiguration(t *testing.T) {
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*v1.ConfigFile)
		same   bool
	}{
		"a label":    {func(c *v1.ConfigFile) { c.Config.Labels = map[string]string{LabelRevision: "x"} }, true},
		"its time":   {func(c *v1.ConfigFile) { c.Created = v1.Time{Time: at} }, true},
		"history":    {func(c *v1.ConfigFile) { c.History = append(c.History, v1.History{EmptyLayer: true, Comment: "x"}) }, true},
		"a variable": {func(c *v1.ConfigFile) { c.Config.Env = append(c.Config.Env, "STAGE=live") }, false},
		"a command":  {func(c *v1.ConfigFile) { c.Config.Cmd = []string{"true"} }, false},
		"its user":   {func(c *v1.ConfigFile) { c.Config.User = "www-data" }, false},
		"its health": {func(c *v1.ConfigFile) { c.Config.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}} }, false},
		"its port":   {func(c *v1.ConfigFile) { c.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}} }, false},
	} {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		c.change(config)
		changed, err := mutate.ConfigFile(image, config)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := (Contents{}).Same(image, changed); err != nil || same != c.same {
			t.Errorf("%s: the same: %v, %v", name, same, err)
		}
	}
}

// What is clamped differs in nothing but its times, and twice the same content has the same bytes.
func TestClamp(t *testing.T) {
	special := tar.Header{Typeflag: tar.TypeReg, Name: "app/ping", Mode: 0o4755, Uid: 1, Gid: 2, Linkname: "text",
		PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}}
	headers := []tar.Header{dir("app"), special, {Typeflag: tar.TypeSymlink, Name: "app/link", Linkname: "ping"},
		{Typeflag: tar.TypeLink, Name: "app/hard", Linkname: "app/ping"}, file("app/.wh.gone", ""),
		{Typeflag: tar.TypeChar, Name: "app/null", Devmajor: 1, Devminor: 3}, file("app/ein Wört\n", "x")}
	var bytesOf [2]bytes.Buffer
	for n := range bytesOf {
		layer := layerOf(t, headers...)
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if err := clamp(&bytesOf[n], content, time.Date(2020, 1, 1, 0, 0, 0, 500, time.UTC)); err != nil {
			t.Fatal(err)
		}
		before, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		was, err := readLayer(before)
		if err != nil {
			t.Fatal(err)
		}
		is, err := readLayer(bytes.NewReader(bytesOf[n].Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if len(was) != len(headers) || !was.equal(is) {
			t.Errorf("clamping made %v of %v", is, was)
		}
	}
	if !bytes.Equal(bytesOf[0].Bytes(), bytesOf[1].Bytes()) {
		t.Error("the same content at two times differs")
	}
}
