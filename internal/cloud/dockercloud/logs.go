package dockercloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// Logs implements cloud.Stack. Of a service with several containers each line begins with its container's name.
func (s *Stack) Logs(ctx context.Context, service string, follow bool, tail int, w io.Writer) error {
	one, err := s.service(ctx, service)
	if err != nil {
		return err
	}
	return s.log(ctx, one, follow, tail, w)
}

func (s *Stack) log(ctx context.Context, one service, follow bool, tail int, w io.Writer) error {
	if !follow {
		limited, cancel := context.WithTimeoutCause(ctx, s.Answer, fmt.Errorf("the log of %s does not end", one.Name))
		defer cancel()
		ctx = limited
	}
	query := url.Values{"follow": {strconv.FormatBool(follow)}}
	if tail > 0 {
		query.Set("tail", strconv.Itoa(tail))
	}
	st, err := s.open(ctx, s.path("service", one.UUID, "logs"), query)
	if err != nil {
		return err
	}
	defer st.close()
	err = st.read(func(f frame) error {
		if f.Source != "" && len(one.Containers) > 1 {
			f.Log = f.Source + " | " + f.Log
		}
		_, err := io.WriteString(w, f.Log)
		return err
	})
	if err == nil && follow && ctx.Err() == nil {
		err = flow.Hint(errors.New("it was ended by Docker Cloud"), "go on following it: hotfix logs -f "+one.Name)
	}
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", one.Name, causeOr(ctx, err))
	}
	return nil
}

// story is the end of a service's log, for an error.
func (s *Stack) story(ctx context.Context, one service) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(s.Answer, 10*time.Second))
	defer cancel()
	var text bytes.Buffer
	_ = s.log(ctx, one, false, 10, &text)
	if text.Len() == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nthe log of %s ended:", one.Name)
	for line := range strings.Lines(text.String()) {
		b.WriteString("\n  | " + strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}
