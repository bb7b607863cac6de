package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// check walks the tree beside the Go type that it will become: unknown keys, values of the wrong shape, and
// ${NAME} that can't be expanded are problems; what can is expanded in place.
func (p *problems) check(node ast.Node, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		p.check(n.Value, t, path)
		return
	case *ast.TagNode:
		p.check(n.Value, t, path)
		return
	case *ast.AliasNode, *ast.NullNode:
		return
	}
	pos := node.GetToken().Position
	p.where = append(p.where, place{path, pos.Line, pos.Column})
	switch {
	case t.Kind() == reflect.Struct:
		p.checkKeys(node, path, "keys and values", func(key string) (reflect.Type, bool) { return field(t, key) }, keysOf(t))
	case t.Kind() == reflect.Map:
		p.checkKeys(node, path, "names and values", func(string) (reflect.Type, bool) { return t.Elem(), true }, nil)
	case t.Kind() == reflect.Slice:
		p.checkList(node, t, path)
	default:
		p.checkScalar(node, t, path)
	}
}

func (p *problems) checkKeys(node ast.Node, path, want string, typeFor func(string) (reflect.Type, bool), known []string) {
	m, ok := node.(ast.MapNode)
	if !ok {
		p.at(node, fmt.Sprintf("%s: want %s, not a %s", path, want, strings.ToLower(node.Type().YAMLName())))
		return
	}
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key().GetToken().Value
		t, ok := typeFor(key)
		if !ok {
			p.at(entries.Key(), fmt.Sprintf("%s: there is no such key; the keys here: %s", join(path, key), strings.Join(known, ", ")))
			continue
		}
		p.check(entries.Value(), t, join(path, key))
	}
}

func (p *problems) checkList(node ast.Node, t reflect.Type, path string) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		p.at(node, path+": want a list: [a, b]")
		return
	}
	for i, item := range list.Values {
		p.check(item, t.Elem(), fmt.Sprintf("%s.%d", path, i))
	}
}

func (p *problems) checkScalar(node ast.Node, t reflect.Type, path string) {
	scalar, ok := node.(ast.ScalarNode)
	if !ok {
		p.at(node, path+": want a single value")
		return
	}
	text, isText := scalar.(*ast.StringNode)
	switch {
	case t.Kind() == reflect.Bool && node.Type() != ast.BoolType:
		p.at(node, path+": want true or false")
	case t == reflect.TypeOf(0) && node.Type() != ast.IntegerType:
		p.at(node, path+": want a number")
	case t == reflect.TypeOf(Duration(0)):
		var d Duration
		if d.UnmarshalText([]byte(node.GetToken().Value)) != nil {
			p.at(node, path+": want a time, as 4m or 30s")
		}
	case isText && p.expand != nil && path != "image-tag": // COMMITSHA is the deployed one there and the hotfix's
		p.expandIn(text, path)
	}
}

func (p *problems) expandIn(text *ast.StringNode, path string) {
	value, err := p.expand(text.Value)
	if err != nil {
		p.at(text, path+": "+err.Error())
		return
	}
	text.Value = value
}

// field finds a struct's field by its yaml key.
func field(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == key {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("yaml"))
	}
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
