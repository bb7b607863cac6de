// Package config reads hotfix.yml: strictly, with every error at once, each with its line and column.
package config

import (
	"maps"
	"slices"
	"time"
)

// Name is the file's name, at the root of the product's repository.
const Name = "hotfix.yml"

// File is a hotfix.yml. What can be found out may be left out; a section that is not there is a phase that has
// nothing to do.
type File struct {
	Project   string              `yaml:"project"`   // default: the repository's folder
	Git       Git                 `yaml:"git"`       // defaults: git config gitflow.*, then origin/HEAD
	Variables map[string]string   `yaml:"variables"` // join COMMITSHA and the others
	EnvFiles  []string            `yaml:"env-files"` // their values are secrets
	Secrets   map[string][]string `yaml:"secrets"`   // NAME: a command whose stdout is the value
	Build     Build               `yaml:"build"`
	Verify    *Verify             `yaml:"verify"`
	ImageTag  string              `yaml:"image-tag"` // default: git-commit-${COMMITSHA}
	Images    map[string]Image    `yaml:"images"`
	Stacks    map[string]Stack    `yaml:"stacks"`
}

// Git names what git-flow was set up with.
type Git struct {
	Remote       string `yaml:"remote"`
	Production   string `yaml:"production"`
	Development  string `yaml:"development"`
	HotfixPrefix string `yaml:"hotfix-prefix"`
	TagPrefix    string `yaml:"tag-prefix"`
	Versions     string `yaml:"versions"` // calver, semver or a regular expression
}

// Build is about the clean build directory.
type Build struct {
	Directory string    `yaml:"directory"` // default: in the cache
	Copy      []string  `yaml:"copy"`      // untracked files the build needs; they never enter an image
	Prepare   []Command `yaml:"prepare"`
}

// A Command is run on this machine or, with In, in a one-off container of that service.
type Command struct {
	Run     []string `yaml:"run"`
	In      string   `yaml:"in"`
	Inputs  []string `yaml:"inputs"`
	Outputs []string `yaml:"outputs"`
}

// Verify is the local stack that the code is tried in.
type Verify struct {
	ComposeFiles []string  `yaml:"compose-files"` // default: docker-compose.yml
	Services     []string  `yaml:"services"`      // default: all
	Prepare      []Command `yaml:"prepare"`
	Checks       []Check   `yaml:"checks"`
	Keep         bool      `yaml:"keep"`
	Timeout      Duration  `yaml:"timeout"` // default: 3m
}

// A Check is a URL that must answer, or a command that must succeed in a service.
type Check struct {
	HTTP     string   `yaml:"http"`
	Status   int      `yaml:"status"` // default: 200
	Contains string   `yaml:"contains"`
	Run      []string `yaml:"run"`
	In       string   `yaml:"in"`
}

// An Image is built from the build directory.
type Image struct {
	Repository string   `yaml:"repository"`
	Dockerfile string   `yaml:"dockerfile"`
	Ignore     string   `yaml:"ignore"` // default: <dockerfile>.dockerignore, then .dockerignore
	Filter     string   `yaml:"filter"` // rsync's rules, instead of ignore
	Smoke      []string `yaml:"smoke"`
	Allow      []string `yaml:"allow"` // patterns of files that look like secrets and may enter the image
}

// A Stack is a set of services in one place.
type Stack struct {
	Target  string    `yaml:"target"`  // compose, swarm or dockercloud
	Name    string    `yaml:"name"`    // of the compose project or of the stack; default: the stack's key
	Context string    `yaml:"context"` // a docker context; default: docker's current one
	Host    string    `yaml:"host"`    // ssh://…, unix:///…, instead of a context
	Canary  string    `yaml:"canary"`
	Checks  []Command `yaml:"checks"` // of the canary, before the gate
	Replace *bool     `yaml:"replace"`
	Order   []string  `yaml:"order"`
	Update  string    `yaml:"update"`  // start-first or stop-first; default on a swarm: start-first where it can work
	Timeout Duration  `yaml:"timeout"` // default: 4m
	Monitor Duration  `yaml:"monitor"` // how long healthy counts as proven; default: 5s
	Probe   string    `yaml:"probe"`
	Migrate *Migrate  `yaml:"migrate"`
	Cache   Cache     `yaml:"cache"`
}

// Migrate is how the database follows the code.
type Migrate struct {
	Service string              `yaml:"service"`
	When    string              `yaml:"when"` // after-redeploy (default) or after-canary
	Paths   []string            `yaml:"paths"`
	Pending []string            `yaml:"pending"`
	Backup  []string            `yaml:"backup"`
	Run     []string            `yaml:"run"`
	ForEach map[string][]string `yaml:"for-each"`
}

// AfterCanary tells whether the database follows before the services other than the canary do.
func (m *Migrate) AfterCanary() bool { return m != nil && m.When == "after-canary" }

// Cache is the CDN in front of the stack.
type Cache struct {
	Cloudflare *Cloudflare `yaml:"cloudflare"`
	Command    []string    `yaml:"command"` // any other CDN's purge
}

// Cloudflare is what to purge there.
type Cloudflare struct {
	Zones  []string `yaml:"zones"`  // names or ids
	Purge  string   `yaml:"purge"`  // everything, the default
	Verify []string `yaml:"verify"` // URLs whose cache state is told afterwards
}

// Duration is a time.Duration written as 4m or 30s.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// ImageNames are the names of the images, sorted.
func (f *File) ImageNames() []string { return slices.Sorted(maps.Keys(f.Images)) }

// StackNames are the names of the stacks, sorted.
func (f *File) StackNames() []string { return slices.Sorted(maps.Keys(f.Stacks)) }

// Replaces tells whether the deployed tag moves at the end: yes, where nothing is said.
func (s Stack) Replaces() bool { return s.Replace == nil || *s.Replace }
