package build

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A recipe is a Dockerfile that only copies: what its image holds beyond the base follows from the directory alone.
type recipe []step

// A step is one instruction after FROM.
type step struct {
	name    string   // COPY, ENV: as the image's history begins
	sources []string // of a copy
	dest    string   // of a copy or WORKDIR: absolute; with a slash at its end it is a directory
}

// readRecipe reads a Dockerfile with BuildKit's own parser. Where it does more than copy, its error says which
// line does: then only a build can tell what the image holds.
func readRecipe(text []byte) (recipe, error) {
	if syntax, _, _, ok := parser.DetectSyntax(text); ok && !strings.HasPrefix(syntax, "docker/dockerfile:1") {
		return nil, fmt.Errorf("the Dockerfile is written for %s", syntax)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the Dockerfile can't be read: %w", err)
	}
	var found recipe
	stages, work := 0, ""
	for _, line := range parsed.AST.Children {
		one := step{name: strings.ToUpper(line.Value)}
		switch words := arguments(line); one.name {
		case "FROM":
			if stages++; stages > 1 || len(line.Flags) > 0 {
				err = errors.New("is built in stages, or for a platform")
			}
		case "COPY", "ADD":
			one.sources, one.dest, err = copied(line, words, work)
		case "WORKDIR":
			work, err = below(work, strings.Join(words, " "))
			one.dest = work
		case "ENV", "LABEL", "ARG", "EXPOSE", "CMD", "ENTRYPOINT", "USER", "VOLUME", "HEALTHCHECK", "STOPSIGNAL", "SHELL", "MAINTAINER":
		default:
			err = errors.New("does more than copy")
		}
		if err != nil {
			return nil, fmt.Errorf("the Dockerfile has %s at line %d, which %w", one.name, line.StartLine, err)
		}
		if stages > 0 && one.name != "FROM" { // an ARG before it is not in the image's history
			found = append(found, one)
		}
	}
	return found, nil
}

// makes tells whether a directory in the image is there because something leads to it.
func (r recipe) makes(dir string) bool {
	return slices.ContainsFunc(r, func(one step) bool {
		return one.dest != "" && (clean(one.dest) == dir || strings.HasPrefix(clean(one.dest), dir+"/"))
	})
}

func arguments(line *parser.Node) (words []string) {
	for next := line.Next; next != nil; next = next.Next {
		words = append(words, next.Value)
	}
	return words
}

// copied is where a plain copy takes its files from and puts them. ADD is plain of the directory alone: archives
// and URLs are not just copied.
func copied(line *parser.Node, words []string, work string) (sources []string, dest string, err error) {
	if len(words) < 2 || len(line.Flags) > 0 || len(line.Heredocs) > 0 {
		return nil, "", errors.New("does more than copy from the directory")
	}
	given := words[len(words)-1]
	for _, source := range words[:len(words)-1] {
		if strings.ContainsAny(source, `$*?[\`) {
			return nil, "", errors.New("copies what a pattern or a variable names")
		}
		if strings.EqualFold(line.Value, "add") && clean(source) != "" {
			return nil, "", errors.New("may unpack or download")
		}
		sources = append(sources, clean(source))
	}
	if dest, err = below(work, given); err != nil {
		return nil, "", err
	}
	if last := path.Base(given); dest != "/" && (strings.HasSuffix(given, "/") || last == "." || len(sources) > 1) {
		dest += "/"
	}
	return sources, dest, nil
}

// below is a path in the image, as seen from the working directory.
func below(work, given string) (string, error) {
	switch {
	case strings.ContainsAny(given, `$\`):
		return "", errors.New("is about a path with a variable")
	case path.IsAbs(given):
		return path.Clean(given), nil
	case work == "":
		return "", errors.New("is about a path below the base image's own WORKDIR")
	}
	return path.Join(work, given), nil
}
