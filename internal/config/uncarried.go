package config

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/goccy/go-yaml"
)

// Uncarried tells what changes in a file from one commit to the next that a hotfix does not bring to a stack: it swaps
// images, and nothing else. It names environment variables, env files, secrets and configs of services, and the names
// in an env file; never a value. A file of another kind has none.
func Uncarried(name string, before, after []byte) []string {
	was, is := settingsOf(before), settingsOf(after)
	if isEnvFile(name) {
		was, is = namesIn(before), namesIn(after)
	}
	if was == nil && len(before) > 0 || is == nil && len(after) > 0 {
		return nil // it can't be read: nothing is known of it
	}
	var changes []string
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if old, ok := was[key]; !ok {
			changes = append(changes, key+" is new")
		} else if old != is[key] {
			changes = append(changes, key+" changes")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if _, ok := is[key]; !ok {
			changes = append(changes, key+" is gone")
		}
	}
	return changes
}

// HasSettings tells by its name whether a file may have what Uncarried finds.
func HasSettings(name string) bool {
	extension := path.Ext(name)
	return isEnvFile(name) || extension == ".yml" || extension == ".yaml"
}

func isEnvFile(name string) bool {
	base := path.Base(name)
	return base == ".env" || strings.HasPrefix(base, ".env.") || strings.HasSuffix(base, ".env")
}

// uncarried are the sections of a service that its image has no part in.
var uncarried = map[string]string{"environment": "variable", "env_file": "env file", "secrets": "secret", "configs": "config"}

// settingsOf reads the services of a compose or stack file, of whatever version. What can't be read, or has no
// services, sets nothing.
func settingsOf(text []byte) map[string]string {
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil
	}
	services, ok := file["services"].(map[string]any)
	if !ok {
		services = file // the first version of compose files, and Docker Cloud's
	}
	settings := map[string]string{}
	for name, service := range services {
		about, ok := service.(map[string]any)
		if !ok || about["image"] == nil && about["build"] == nil {
			continue
		}
		for section, kind := range uncarried {
			for key, value := range entries(about[section]) {
				settings[fmt.Sprintf("%s %s of %s", kind, key, name)] = value
			}
		}
	}
	return settings
}

// entries are the names in a section, which is a list or a map, and what each is set to.
func entries(section any) map[string]string {
	all := map[string]string{}
	switch section := section.(type) {
	case map[string]any:
		for key, value := range section {
			all[key] = fmt.Sprint(value)
		}
	case []any:
		for _, entry := range section {
			key, value, _ := strings.Cut(fmt.Sprint(entry), "=")
			if long, ok := entry.(map[string]any); ok { // {source: …, target: …}, or {path: …}
				key, value = fmt.Sprint(long["source"]), fmt.Sprint(long)
				if long["source"] == nil {
					key = fmt.Sprint(long["path"])
				}
			}
			all[key] = value
		}
	case string:
		all[section] = ""
	}
	return all
}

// namesIn reads an env file as it is written, references and all.
func namesIn(text []byte) map[string]string {
	values := map[string]string{}
	if dotenv.ParseWithFormat(bytes.NewReader(text), "", values, func(name string) (string, bool) { return "$" + name, true }, "") != nil {
		return nil // a line that is none is of no name
	}
	names := map[string]string{}
	for name, value := range values {
		names["variable "+name] = value
	}
	return names
}
