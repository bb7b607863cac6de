package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"hotfix/internal/flow"
)

// Parse reads a hotfix.yml. name is what errors call it. expand gives the values of ${NAME}; a nil one leaves
// them as they are. All that is wrong comes in one error, a line each.
func Parse(name string, text []byte, expand func(string) (string, error)) (*File, error) {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, refuse(name, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true))))
	}
	p := &problems{name: name, expand: expand}
	var f File
	for i, doc := range tree.Docs {
		if i > 0 || doc.Body == nil {
			break
		}
		p.check(doc.Body, reflect.TypeOf(f), "")
		if len(p.found) == 0 {
			if err := yaml.NodeToValue(doc.Body, &f); err != nil {
				return nil, refuse(name, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true))))
			}
		}
	}
	f.defaults()
	if len(p.found) == 0 {
		f.validate(p.complain)
	}
	if len(p.found) > 0 {
		return nil, refuse(name, p.err())
	}
	return &f, nil
}

func refuse(name string, err error) error {
	return flow.Refuse(fmt.Errorf("%s is wrong:\n%w", name, err), "correct "+name+" and commit it; --config FILE tries one that is not committed")
}

func (f *File) defaults() {
	f.ImageTag = cmp.Or(f.ImageTag, "git-commit-${COMMITSHA}")
	if v := f.Verify; v != nil {
		if len(v.ComposeFiles) == 0 {
			v.ComposeFiles = []string{"docker-compose.yml"}
		}
		v.Timeout = cmp.Or(v.Timeout, Duration(3*time.Minute))
	}
	for key, s := range f.Stacks {
		s.Name = cmp.Or(s.Name, key)
		s.Target = cmp.Or(s.Target, "compose")
		s.Timeout = cmp.Or(s.Timeout, Duration(4*time.Minute))
		s.Monitor = cmp.Or(s.Monitor, Duration(5*time.Second))
		if s.Migrate != nil {
			s.Migrate.When = cmp.Or(s.Migrate.When, "after-redeploy")
		}
		if s.Cache.Cloudflare != nil {
			s.Cache.Cloudflare.Purge = cmp.Or(s.Cache.Cloudflare.Purge, "everything")
		}
		f.Stacks[key] = s
	}
}

// problems collects what is wrong, and where each key stands.
type problems struct {
	name   string
	expand func(string) (string, error)
	found  []problem
	where  []place
}

type problem struct {
	line, column int
	text         string
}

// place is where the value of a key stands: images.php.repository.
type place struct {
	path         string
	line, column int
}

func (p *problems) at(node ast.Node, text string) {
	pos := node.GetToken().Position
	p.found = append(p.found, problem{pos.Line, pos.Column, text})
}

// complain is a problem with the value at path, or with the nearest key above it that is there.
func (p *problems) complain(path, text string) {
	best := place{line: 1, column: 1}
	for _, w := range p.where {
		if len(w.path) > len(best.path) && (w.path == path || strings.HasPrefix(path, w.path+".")) {
			best = w
		}
	}
	p.found = append(p.found, problem{best.line, best.column, path + ": " + text})
}

func (p *problems) err() error {
	slices.SortStableFunc(p.found, func(a, b problem) int { return cmp.Or(a.line-b.line, a.column-b.column) })
	var lines []string
	for _, f := range p.found {
		lines = append(lines, fmt.Sprintf("  %s:%d:%d: %s", p.name, f.line, f.column, f.text))
	}
	return errors.New(strings.Join(lines, "\n"))
}
