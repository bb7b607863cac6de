package dockercloud

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxPages is where a list that never ends is given up.
const maxPages = 200

// object is what every stack, service, container and action has in common. Any value may be null; the path of
// resource_uri is not ours to interpret, but for its last part.
type object struct {
	UUID  string `json:"uuid"`
	URI   string `json:"resource_uri"`
	Name  string `json:"name"`
	State string `json:"state"`
}

// is compares states: their case is not the same everywhere.
func (o object) is(states ...string) bool {
	for _, s := range states {
		if strings.EqualFold(o.State, s) {
			return true
		}
	}
	return false
}

// gone tells whether it is only listed because it was there recently.
func (o object) gone() bool { return o.is("Terminated", "Terminating") }

// list returns all objects of a kind that there are, page by page. Only the offset is taken from us: an address in
// the answer may be anything.
func list[T interface{ gone() bool }](ctx context.Context, a *api, kind string, filter url.Values) ([]T, error) {
	var all []T
	offset := 0
	for range maxPages {
		var page struct {
			Meta struct {
				Next *string
			}
			Objects []T
		}
		query := url.Values{"limit": {"100"}, "offset": {strconv.Itoa(offset)}}
		for name, values := range filter {
			query[name] = values
		}
		if err := a.get(ctx, a.path(kind)+"?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		for _, o := range page.Objects {
			if !o.gone() {
				all = append(all, o)
			}
		}
		offset += len(page.Objects)
		if page.Meta.Next == nil || *page.Meta.Next == "" || len(page.Objects) == 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("at Docker Cloud, %s: its list of %ss does not end after %d pages", a.REST, kind, maxPages)
}

// id is the last part of an object's address.
func id(uri string) string {
	parts := strings.Split(strings.Trim(uri, "/"), "/")
	return parts[len(parts)-1]
}
