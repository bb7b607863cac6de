// Package cloudflare purges zones at Cloudflare. It imports three subpackages of the SDK: the root package costs
// minutes to compile.
package cloudflare

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go/v7/cache"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zones"

	purge "hotfix/internal/cache"
	"hotfix/internal/flow"
)

// Purger purges everything of some zones.
type Purger struct {
	Zones  []string // names or ids
	Verify []string // URLs whose cache state is told afterwards
	// Token gives the API token; it needs Zone.Cache Purge on the zones.
	Token func(ctx context.Context) (string, error)
	// BaseURL is for tests; empty means Cloudflare's.
	BaseURL string
}

// What implements cache.Purger.
func (p Purger) What() string {
	return "everything of " + strings.Join(p.Zones, ", ") + " at Cloudflare"
}

// Checks implements cache.Purger. The permission is proven by a purge of one URL that nobody serves.
func (p Purger) Checks() []flow.Check {
	var checks []flow.Check
	for _, zone := range p.Zones {
		checks = append(checks, flow.Check{What: "purge permission on Cloudflare zone " + zone,
			Do: func(ctx context.Context) (string, error) { return "allowed", p.prove(ctx, zone) }})
	}
	return checks
}

// Purge implements cache.Purger.
func (p Purger) Purge(ctx context.Context, report flow.Report) error {
	err := purge.Each(p.Zones, func(zone string) error {
		var body cache.CachePurgeParamsBodyCachePurgeEverything
		body.PurgeEverything.Value, body.PurgeEverything.Present = true, true
		id, _, err := p.find(ctx, zone)
		if err != nil {
			return err
		}
		response, err := p.purge(ctx, id, body)
		if err == nil {
			report.Fact("purged "+zone, response)
		}
		return err
	})
	for _, url := range p.Verify {
		report.Fact("cache "+url, cacheState(ctx, url))
	}
	return err
}

func (p Purger) prove(ctx context.Context, zone string) error {
	id, domain, err := p.find(ctx, zone)
	if err != nil {
		return err
	}
	var body cache.CachePurgeParamsBodyCachePurgeSingleFile
	body.Files.Value, body.Files.Present = []string{"https://" + domain + "/.well-known/hotfix-may-purge"}, true
	_, err = p.purge(ctx, id, body)
	return err
}

func (p Purger) purge(ctx context.Context, id string, body cache.CachePurgeParamsBodyUnion) (string, error) {
	options, err := p.options(ctx)
	if err != nil {
		return "", err
	}
	params := cache.CachePurgeParams{Body: body}
	params.ZoneID.Value, params.ZoneID.Present = id, true
	var got answer
	response, err := cache.NewCacheService(options...).Purge(ctx, params, option.WithMiddleware(got.read))
	if err := got.check(err); err != nil {
		return "", err
	}
	return response.ID, nil
}

var zoneID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// find returns the id and the name of a zone given as either.
func (p Purger) find(ctx context.Context, zone string) (id, domain string, err error) {
	options, err := p.options(ctx)
	if err != nil {
		return "", "", err
	}
	var got answer
	service := zones.NewZoneService(append(options, option.WithMiddleware(got.read))...)
	if zoneID.MatchString(zone) {
		params := zones.ZoneGetParams{}
		params.ZoneID.Value, params.ZoneID.Present = zone, true
		found, err := service.Get(ctx, params)
		if err := got.check(err); err != nil {
			return "", "", err
		}
		return found.ID, found.Name, nil
	}
	params := zones.ZoneListParams{}
	params.Name.Value, params.Name.Present = zone, true
	page, err := service.List(ctx, params)
	if err := got.check(err); err != nil {
		return "", "", err
	}
	if len(page.Result) != 1 {
		return "", "", flow.Hint(fmt.Errorf("the token sees no zone named %s", zone),
			"give the token Zone.Zone Read and Zone.Cache Purge on it, or write the zone's id in hotfix.yml")
	}
	return page.Result[0].ID, page.Result[0].Name, nil
}

func (p Purger) options(ctx context.Context) ([]option.RequestOption, error) {
	token, err := p.Token(ctx)
	if err != nil {
		return nil, err
	}
	base := option.WithEnvironmentProduction()
	if p.BaseURL != "" {
		base = option.WithBaseURL(p.BaseURL)
	}
	return []option.RequestOption{base, option.WithAPIToken(token), option.WithRequestTimeout(30 * time.Second)}, nil
}

// cacheState is what Cloudflare says of a URL now: HIT, MISS, EXPIRED, DYNAMIC.
func cacheState(ctx context.Context, url string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "not reached: " + err.Error()
	}
	_ = response.Body.Close()
	state := response.Header.Get("Cf-Cache-Status")
	if state == "" {
		state = "not behind Cloudflare"
	}
	return fmt.Sprintf("%d, %s", response.StatusCode, state)
}
