package flow

import "io"

// A Report takes what an action has to tell while it runs. Its methods may be called from several goroutines.
type Report interface {
	// Output takes the text of what runs: a build, a migration. It is redacted, shown, and kept locally.
	io.Writer
	// Progress tells how far a thing has come, in bytes or pieces; total is 0 where it is not known.
	Progress(what string, done, total int64)
	// Fact is a finding for the log and the receipt: a digest, a check's result, a downtime.
	Fact(name, value string)
}

// Silent is a Report that forgets everything.
type Silent struct{}

// Write implements io.Writer.
func (Silent) Write(p []byte) (int, error) { return len(p), nil }

// Progress implements Report.
func (Silent) Progress(string, int64, int64) {}

// Fact implements Report.
func (Silent) Fact(string, string) {}

var _ Report = Silent{}
