package cloud

import "strings"

// A Command is something to run inside a service.
type Command struct {
	Run []string
	In  string // a service; empty: the one that it is about
}

// String is the command as a person would type it.
func (c Command) String() string { return strings.Join(c.Run, " ") }
