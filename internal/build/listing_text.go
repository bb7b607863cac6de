package build

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kinds are the types of mtree(5), and one of ours: a second name of a file in a layer below.
var kinds = map[byte]string{tar.TypeReg: "file", tar.TypeDir: "dir", tar.TypeSymlink: "link", tar.TypeChar: "char",
	tar.TypeBlock: "block", tar.TypeFifo: "fifo", tar.TypeLink: "hardlink"}

const mtree = "#mtree\n"

// text is the tree as mtree(5) writes it, in order of the paths.
func (t tree) text() []byte {
	var out bytes.Buffer
	out.WriteString(mtree)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		n := t[name]
		out.WriteString("./" + vis(name))
		if n.Gone {
			out.WriteString(" optional\n") // a whiteout, as its name says
			continue
		}
		fmt.Fprintf(&out, " type=%s mode=%04o uid=%d gid=%d time=%d.0", kinds[n.Kind], n.Mode, n.UID, n.GID, n.Time)
		if n.Size != 0 {
			fmt.Fprintf(&out, " size=%d", n.Size)
		}
		if n.Kind == tar.TypeReg {
			fmt.Fprintf(&out, " sha256digest=%x", n.Sum)
		}
		if n.Link != "" {
			out.WriteString(" link=" + vis(n.Link))
		}
		if n.Major != 0 || n.Minor != 0 {
			fmt.Fprintf(&out, " device=linux,%d,%d", n.Major, n.Minor)
		}
		if n.Capability != "" {
			fmt.Fprintf(&out, " capability=%x", n.Capability)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// readText is the tree that text wrote.
func readText(text []byte) (tree, error) {
	if !bytes.HasPrefix(text, []byte(mtree)) {
		return nil, errors.New("it is no mtree")
	}
	found := tree{}
	lines := bufio.NewScanner(bytes.NewReader(text[len(mtree):]))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, words, _ := strings.Cut(lines.Text(), " ")
		name, err := unvis(strings.TrimPrefix(name, "./"))
		if err != nil {
			return nil, err
		}
		if found[name], err = readNode(words); err != nil {
			return nil, fmt.Errorf("%s: %w", printable(name), err)
		}
	}
	return found, lines.Err()
}

func readNode(words string) (n node, err error) {
	if words == "optional" {
		return node{Gone: true}, nil
	}
	for _, word := range strings.Split(words, " ") {
		key, value, _ := strings.Cut(word, "=")
		var failed error
		switch key {
		case "type":
			n.Kind, failed = kindNamed(value)
		case "mode":
			n.Mode, failed = strconv.ParseInt(value, 8, 64)
		case "uid":
			n.UID, failed = strconv.Atoi(value)
		case "gid":
			n.GID, failed = strconv.Atoi(value)
		case "size":
			n.Size, failed = strconv.ParseInt(value, 10, 64)
		case "time":
			n.Time, failed = strconv.ParseInt(strings.TrimSuffix(value, ".0"), 10, 64)
		case "link":
			n.Link, failed = unvis(value)
		case "sha256digest":
			var sum []byte
			if sum, failed = hex.DecodeString(value); copy(n.Sum[:], sum) != len(n.Sum) {
				failed = errors.New("it is too short")
			}
		case "device":
			_, failed = fmt.Sscanf(value, "linux,%d,%d", &n.Major, &n.Minor)
		case "capability":
			var bits []byte
			bits, failed = hex.DecodeString(value)
			n.Capability = string(bits)
		default:
			failed = errors.New("it is not known")
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", word, failed))
		}
	}
	return n, err
}

func kindNamed(name string) (byte, error) {
	for kind, called := range kinds {
		if called == name {
			return kind, nil
		}
	}
	return 0, errors.New("there is no such type")
}

// vis writes a path as mtree does: whatever is not plain as three octal digits.
func vis(path string) string {
	var out strings.Builder
	for _, b := range []byte(path) {
		if b <= ' ' || b > '~' || b == '\\' || b == '#' || b == '=' {
			fmt.Fprintf(&out, `\%03o`, b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}

func unvis(text string) (string, error) {
	var out strings.Builder
	for {
		plain, rest, found := strings.Cut(text, `\`)
		out.WriteString(plain)
		if !found {
			return out.String(), nil
		}
		if len(rest) < 3 {
			return "", errors.New("a path ends too soon")
		}
		b, err := strconv.ParseUint(rest[:3], 8, 8)
		if err != nil {
			return "", err
		}
		out.WriteByte(byte(b))
		text = rest[3:]
	}
}
