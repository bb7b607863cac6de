package build

import "context"

// Published tells whether the registry already holds verified images of this commit. Then sync, verify, build
// and push have nothing to do, and why says so.
type Published interface {
	Published(ctx context.Context) (why string, ok bool, err error)
}
