package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// world is what phases look at and change: the set of things done.
type world map[string]bool

// step is a phase that does one thing in the world.
type step struct {
	name   string
	world  world
	traits Traits
	key    string
	asks   string
	idle   string // why nothing calls for it
	fail   error
	doing  func() // happens in Do, before the change
	checks []Check
}

func (s *step) Name() string    { return s.name }
func (s *step) Traits() Traits  { return s.traits }
func (s *step) Checks() []Check { return s.checks }
func (s *step) Plan(context.Context) ([]Action, error) {
	if s.world[s.name] {
		return nil, Nothing(s.name + " is done")
	}
	return []Action{{What: "do " + s.name, Key: s.key, Asks: s.asks, Uncalled: s.idle, Do: func(ctx context.Context, report Report) error {
		if s.doing != nil {
			s.doing()
		}
		if s.fail != nil {
			return s.fail
		}
		s.world[s.name] = true
		report.Fact("did", s.name)
		return ctx.Err()
	}}}, nil
}

// gatedStep is a step that begins with a question of its own.
type gatedStep struct {
	*step
	gate *Gate
}

func (s *gatedStep) Gate(context.Context) (*Gate, error) { return s.gate, nil }

// undo is a rollback phase: it takes a step back.
type undo struct {
	world world
	of    string
}

func (u undo) Name() string { return "undo-" + u.of }
func (u undo) Plan(context.Context) ([]Action, error) {
	if !u.world[u.of] {
		return nil, Nothing("nothing to take back")
	}
	return []Action{{What: "undo " + u.of, Do: func(context.Context, Report) error {
		delete(u.world, u.of)
		return nil
	}}}, nil
}

type memory struct {
	entries []Entry
	broken  error
}

func (m *memory) Append(_ context.Context, e ...Entry) error {
	m.entries = append(m.entries, e...)
	return m.broken
}
func (m *memory) Entries(context.Context) ([]Entry, error) { return slices.Clone(m.entries), nil }

// person answers with a script, one answer a question, and remembers what was asked.
type person struct {
	answers []string
	asked   []string
}

func (p *person) answer(title string) (string, error) {
	p.asked = append(p.asked, title)
	if len(p.answers) == 0 {
		return "", fmt.Errorf("unexpected question: %s", title)
	}
	next := p.answers[0]
	p.answers = p.answers[1:]
	return next, nil
}
func (p *person) Choose(_ context.Context, q Question) (string, error) {
	return p.answer(q.Title + " " + strings.Join(q.Choices, ",") + " default " + q.Default)
}
func (p *person) Type(_ context.Context, title string) (string, error) { return p.answer(title) }

type told []Event

func (l *told) Event(e Event) { *l = append(*l, e) }
func (l *told) has(kind, what string) bool {
	return slices.ContainsFunc(*l, func(e Event) bool { return e.Kind == kind && strings.Contains(e.What, what) })
}

type scene struct {
	world  world
	log    *memory
	events *told
	person *person
}

func newScene(answers ...string) scene {
	return scene{world{}, &memory{}, &told{}, &person{answers: answers}}
}

func (s scene) step(name string, t Traits) *step { return &step{name: name, world: s.world, traits: t} }

func (s scene) runner(phases ...Phase) *Runner {
	return &Runner{About: About{Command: "deploy", Version: "16.03.1b", Place: "production (here)", Who: "me@host", Again: "hotfix deploy"},
		Phases: phases, Back: []Phase{undo{s.world, "canary"}}, Log: s.log, Listen: s.events, Prompt: s.person}
}

var remote = Traits{Remote: true, TakeBack: true}

func TestEveryPhaseIsShownAskedAndLogged(t *testing.T) {
	s := newScene(Details, Run, Run)
	if err := s.runner(s.step("sync", Traits{}), s.step("push", remote)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !s.world["sync"] || !s.world["push"] {
		t.Fatalf("world: %v", s.world)
	}
	want := []string{"sync on production (here) Run,Details,Stop default Run", "sync on production (here) Run,Details,Stop default Run",
		"push on production (here) Run,Details,Stop default Stop"}
	if !slices.Equal(s.person.asked, want) {
		t.Errorf("asked %q", s.person.asked)
	}
	var kinds []string
	for _, e := range s.log.entries {
		kinds = append(kinds, string(e.Kind)+" "+e.Phase)
	}
	if got := strings.Join(kinds, ","); got != "started ,answered ,answered ,begun sync,done sync,answered ,begun push,done push,ended " &&
		got != "started ,answered ,begun sync,done sync,answered ,begun push,done push,ended " {
		t.Errorf("logged %s", got)
	}
	if e := s.log.entries[len(s.log.entries)-2]; e.Facts["did"] != "push" || e.Version != "16.03.1b" || e.Who != "me@host" {
		t.Errorf("the end of push: %+v", e)
	}
}

func TestNothingToDoAsksAndLogsNothing(t *testing.T) {
	s := newScene()
	s.world["sync"] = true
	if err := s.runner(s.step("sync", Traits{})).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.log.entries) > 0 || !s.events.has(EventPlan, "sync is done") {
		t.Errorf("log %v, events %v", s.log.entries, *s.events)
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	s := newScene()
	r := s.runner(s.step("sync", Traits{}), s.step("push", remote))
	r.DryRun, r.Prompt = true, nil
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.world) > 0 || len(s.log.entries) > 0 {
		t.Errorf("world %v, log %v", s.world, s.log.entries)
	}
}

func TestWithNobodyToAskItIsAUsageError(t *testing.T) {
	s := newScene()
	r := s.runner(s.step("sync", Traits{}))
	r.Prompt = nil
	if err := r.Run(t.Context()); !errors.Is(err, ErrUsage) || len(Hints(err)) == 0 || len(s.world) > 0 {
		t.Errorf("%v, hints %v", err, Hints(err))
	}
}

func TestStopChangesNothingAndIsResumable(t *testing.T) {
	s := newScene(Run, Stop)
	phases := []Phase{s.step("sync", Traits{}), s.step("push", remote)}
	if err := s.runner(phases...).Run(t.Context()); !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if s.world["push"] || !s.world["sync"] {
		t.Fatalf("world: %v", s.world)
	}
	s.person.answers = []string{Run}
	if err := s.runner(phases...).Run(t.Context()); err != nil || !s.world["push"] {
		t.Fatalf("resumed: %v, %v", err, s.world)
	}
}

func gated(s scene) (*step, *gatedStep) {
	canary, redeploy := s.step("canary", remote), &gatedStep{step: s.step("redeploy", remote)}
	canary.doing = func() { redeploy.gate = &Gate{Subject: "sha256:new"} }
	return canary, redeploy
}

// A stop at a bad canary can't be walked through by a rerun; once accepted, it is not asked again.
func TestTheGateIsAskedUntilItIsAccepted(t *testing.T) {
	s := newScene(RunToCanary, Stop)
	canary, redeploy := gated(s)
	sync := s.step("sync", Traits{})
	if err := s.runner(sync, canary, redeploy).Run(t.Context()); !errors.Is(err, ErrStopped) || !s.world["canary"] || s.world["redeploy"] {
		t.Fatalf("%v %v", err, s.world)
	}
	s.person.answers = []string{Stop}
	if err := s.runner(sync, canary, redeploy).Run(t.Context()); !errors.Is(err, ErrStopped) || s.world["redeploy"] {
		t.Fatalf("the rerun walked through: %v %v", err, s.world)
	}
	s.person.answers = []string{Continue}
	if err := s.runner(sync, canary, redeploy).Run(t.Context()); err != nil || !s.world["redeploy"] {
		t.Fatalf("%v %v", err, s.world)
	}
	if err := s.runner(sync, canary, redeploy).Run(t.Context()); err != nil {
		t.Fatalf("accepted, and yet: %v", err)
	}
}

// Even where the canary was the only service, its gate stands before what follows.
func TestAGateWithNothingBehindItIsAsked(t *testing.T) {
	s := newScene(Stop)
	_, redeploy := gated(s)
	redeploy.gate = &Gate{Subject: "sha256:new"}
	s.world["redeploy"] = true
	if err := s.runner(redeploy, s.step("migrate", Traits{Remote: true})).Run(t.Context()); !errors.Is(err, ErrStopped) || s.world["migrate"] {
		t.Fatalf("%v %v", err, s.world)
	}
}

func TestRollBackAtTheGateVoidsWhatWasAccepted(t *testing.T) {
	s := newScene(RunToCanary, RollBack)
	canary, redeploy := gated(s)
	if err := s.runner(canary, redeploy).Run(t.Context()); !errors.Is(err, ErrRolledBack) || s.world["canary"] {
		t.Fatalf("%v %v", err, s.world)
	}
	s.log.entries = append([]Entry{{Kind: Accepted, Version: "16.03.1b", Key: "sha256:new"}}, s.log.entries...)
	s.person.answers = []string{Again, Run, Stop}
	if err := s.runner(canary, redeploy).Run(t.Context()); !errors.Is(err, ErrStopped) || s.world["redeploy"] {
		t.Fatalf("an acceptance outlived the rollback: %v %v", err, s.world)
	}
}

func TestYesAcceptsACanaryThatIsReadyAndNoOther(t *testing.T) {
	for _, ready := range []error{nil, errors.New("unhealthy")} {
		s := newScene()
		canary, redeploy := gated(s)
		canary.doing = func() {
			redeploy.gate = &Gate{Subject: "d", Ready: func(context.Context, Report) error { return ready }}
		}
		redeploy.traits.TakeBack = false // it is the canary that is taken back, whatever its gate stands before
		r := s.runner(canary, redeploy)
		r.Yes, r.Prompt = true, nil
		err := r.Run(t.Context())
		if s.world["redeploy"] != (ready == nil) || errors.Is(err, ErrRolledBack) != (ready != nil) || s.world["canary"] != (ready == nil) {
			t.Errorf("ready %v: %v, %v", ready, err, s.world)
		}
		if why, _ := History(s.log.entries).Last(Failed); ready != nil && (why.Error != "unhealthy" || why.What != "accept d" || why.Phase != "redeploy") {
			t.Errorf("the record says %+v", why)
		}
	}
}

func TestAFailureOnTheStackIsTakenBack(t *testing.T) {
	s := newScene(Run, Run)
	redeploy := s.step("redeploy", remote)
	redeploy.fail = Hint(errors.New("web is unhealthy"), "hotfix logs web")
	err := s.runner(s.step("canary", remote), redeploy).Run(t.Context())
	if !errors.Is(err, ErrRolledBack) || s.world["canary"] || !strings.Contains(err.Error(), "web is unhealthy") || !slices.Contains(Hints(err), "hotfix logs web") {
		t.Fatalf("%v %v %v", err, s.world, Hints(err))
	}
	if last := s.log.entries[len(s.log.entries)-1]; last.Kind != Ended || last.Facts["outcome"] != "rolled back" {
		t.Errorf("the log ends with %+v", last)
	}
}

func TestAPlanThatFailsTakesNothingBack(t *testing.T) {
	s := newScene()
	s.world["canary"] = true
	r := s.runner(broken{})
	r.Yes = true
	if err := r.Run(t.Context()); err == nil || errors.Is(err, ErrRolledBack) || !s.world["canary"] {
		t.Fatalf("%v %v", err, s.world)
	}
}

// On the way back the services are first: what a later phase needs and can't have is told at its turn.
func TestTheWayBackWaitsForNothingLater(t *testing.T) {
	for _, urgent := range []bool{true, false} {
		s := newScene()
		restore, refuse := s.step("restore", remote), s.step("purge", remote)
		refuse.checks = []Check{{What: "purge permission", Do: func(context.Context) (string, error) { return "", errors.New("denied") }}}
		r := s.runner(restore, broken{}, refuse)
		r.Yes, r.Urgent = true, urgent
		if err := r.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "push: unreachable") || s.world["restore"] != urgent {
			t.Errorf("urgent %t: %v %v", urgent, err, s.world)
		}
	}
}

type broken struct{}

func (broken) Name() string                           { return "push" }
func (broken) Traits() Traits                         { return remote }
func (broken) Plan(context.Context) ([]Action, error) { return nil, errors.New("unreachable") }

func TestALocalFailureAsksWhatNow(t *testing.T) {
	s := newScene(Run, Retry, Run)
	verify := s.step("verify", Traits{Optional: true})
	verify.fail = errors.New("500")
	verify.doing = func() {
		if len(s.person.asked) > 1 {
			verify.fail = nil
		}
	}
	if err := s.runner(verify).Run(t.Context()); err != nil || !s.world["verify"] {
		t.Fatalf("%v %q", err, s.person.asked)
	}
}

func TestCtrlCIsWrittenDownAndTakesNothingBack(t *testing.T) {
	s := newScene(Run, Run)
	ctx, cancel := context.WithCancel(t.Context())
	redeploy := s.step("redeploy", remote)
	redeploy.doing, redeploy.fail = cancel, errors.New("read on closed response body") // no word of a cancellation
	err := s.runner(s.step("canary", remote), redeploy, s.step("purge", Traits{})).Run(ctx)
	if !errors.Is(err, context.Canceled) || !s.world["canary"] || s.world["purge"] {
		t.Fatalf("%v %v", err, s.world)
	}
	if last := s.log.entries[len(s.log.entries)-1]; last.Facts["outcome"] != "interrupted" {
		t.Errorf("the log ends with %+v", last)
	}
}

// What was begun and never ended is asked about; --yes does not answer it.
func TestUnsure(t *testing.T) {
	begun := Entry{Kind: Begun, Version: "16.03.1b", Phase: "migrate", Key: "m1", What: "do migrate", Who: "she@there"}
	for _, test := range []struct {
		answers  []string
		yes, ran bool
		want     error
	}{
		{nil, true, false, ErrStopped},
		{[]string{"It happened"}, false, false, nil},
		{[]string{"Run it again", "acme"}, false, true, nil},
		{[]string{Stop}, false, false, ErrStopped},
	} {
		s := newScene(test.answers...)
		s.log.entries = []Entry{begun}
		migrate := s.step("migrate", Traits{Remote: true, Optional: true, Confirm: "acme"})
		migrate.key = "m1"
		r := s.runner(migrate)
		r.Yes = test.yes
		if test.yes {
			r.Confirm = "acme"
		}
		if err := r.Run(t.Context()); !errors.Is(err, test.want) || s.world["migrate"] != test.ran {
			t.Errorf("%v: %v, ran %v, asked %q", test.answers, err, s.world["migrate"], s.person.asked)
		}
		if test.want == nil {
			if err := s.runner(migrate).Run(t.Context()); err != nil {
				t.Errorf("%v, then again: %v", test.answers, err)
			}
		}
	}
}

func TestNamesAreTyped(t *testing.T) {
	migrate := func(s scene) *step { return s.step("migrate", Traits{Remote: true, Optional: true, Confirm: "acme"}) }
	for _, test := range []struct {
		typed []string
		ran   bool
		want  error
	}{{[]string{"acme"}, true, nil}, {[]string{"yes", "amce", "acme"}, true, nil}, {[]string{""}, false, ErrStopped}, {[]string{"skip"}, false, nil}} {
		s := newScene(test.typed...)
		if err := s.runner(migrate(s)).Run(t.Context()); !errors.Is(err, test.want) || s.world["migrate"] != test.ran {
			t.Errorf("%q: %v %v", test.typed, err, s.world)
		}
	}
	for _, confirm := range []string{"", "other", "acme"} {
		s := newScene()
		sync := s.step("sync", Traits{})
		r := s.runner(sync, migrate(s))
		r.Yes, r.Confirm = true, confirm
		err := r.Run(t.Context())
		if ok := confirm == "acme"; (err == nil) != ok || s.world["sync"] != ok || (!ok && !errors.Is(err, ErrUsage)) {
			t.Errorf("--confirm %q: %v %v", confirm, err, s.world)
		}
	}
}

func TestSkipAndOnly(t *testing.T) {
	s := newScene()
	r := s.runner(s.step("verify", Traits{Optional: true}), s.step("push", remote))
	r.Yes, r.Skip = true, map[string]string{"verify": "the site is down"}
	if err := r.Run(t.Context()); err != nil || s.world["verify"] || !s.world["push"] {
		t.Fatalf("%v %v", err, s.world)
	}
	if e, ok := History(s.log.entries).Last(Skipped); !ok || e.Facts["reason"] != "the site is down" {
		t.Errorf("on the record: %+v", e)
	}
	for _, options := range []Options{
		{Skip: map[string]string{"push": "because"}}, {Skip: map[string]string{"verify": ""}}, {Skip: map[string]string{"nope": "x"}}, {Only: "nope"},
	} {
		s := newScene()
		r := s.runner(s.step("verify", Traits{Optional: true}), s.step("push", remote))
		r.Options = options
		r.Yes = true
		if err := r.Run(t.Context()); !errors.Is(err, ErrUsage) || len(s.world) > 0 {
			t.Errorf("%+v: %v %v", options, err, s.world)
		}
	}
	s = newScene()
	r = s.runner(s.step("sync", Traits{}), s.step("push", remote))
	r.Yes, r.Only = true, "sync"
	if err := r.Run(t.Context()); err != nil || !s.world["sync"] || s.world["push"] {
		t.Errorf("--only sync: %v %v", err, s.world)
	}
}

func TestEverythingIsProvenBeforeTheFirstChange(t *testing.T) {
	s := newScene()
	purge := s.step("purge", Traits{})
	purge.checks = []Check{{What: "the token", Do: func(context.Context) (string, error) { return "", Hint(errors.New("no scope"), "a new token") }}}
	err := s.runner(s.step("sync", Traits{}), purge).Run(t.Context())
	if err == nil || len(s.world) > 0 || len(s.log.entries) > 0 || !slices.Contains(Hints(err), "a new token") {
		t.Errorf("%v %v", err, s.world)
	}
}

func TestTheBaselineIsLoggedOnceBeforeTheFirstChange(t *testing.T) {
	s := newScene()
	for range 2 {
		delete(s.world, "push")
		r := s.runner(s.step("push", remote))
		r.Yes = true
		r.Baseline = func(context.Context) (map[string]string, error) {
			return map[string]string{"web": fmt.Sprint(s.world["push"])}, nil
		}
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if found := History(s.log.entries).keep(func(e Entry) bool { return e.Kind == Baseline }); len(found) != 1 || found[0].Facts["web"] != "false" {
		t.Errorf("%+v", found)
	}
}

func TestNothingHappensThatCanNotBeWrittenDown(t *testing.T) {
	s := newScene()
	s.log.broken = errors.New("disk full")
	r := s.runner(s.step("push", remote))
	r.Yes = true
	if err := r.Run(t.Context()); err == nil || len(s.world) > 0 {
		t.Errorf("%v %v", err, s.world)
	}
}

type lock struct{ held, acquire error }

func (l *lock) Acquire(context.Context) error { return l.acquire }
func (l *lock) Held(context.Context) error    { return l.held }
func (l *lock) Release(context.Context) error { return nil }

func TestNoActionWithoutTheLock(t *testing.T) {
	for _, l := range []*lock{{acquire: As(ErrLocked, errors.New("she has it"))}, {held: As(ErrLocked, errors.New("taken over"))}} {
		s := newScene()
		r := s.runner(s.step("push", remote))
		r.Yes, r.Lock = true, l
		if err := r.Run(t.Context()); !errors.Is(err, ErrLocked) || len(s.world) > 0 {
			t.Errorf("%+v: %v %v", l, err, s.world)
		}
	}
}

// What nothing calls for is said, with Skip as the default and its reason on the record; --yes does it, and what may
// not be left out is asked about as ever.
func TestWhatNothingCallsForIsOfferedToBeSkipped(t *testing.T) {
	optional := Traits{Remote: true, Optional: true}
	for _, test := range []struct {
		traits Traits
		yes    bool
		asked  string
		runs   bool
	}{
		{optional, false, "purge on production (here) Run,Details,Skip,Stop default Skip", false},
		{optional, true, "", true},
		{Traits{Remote: true}, false, "purge on production (here) Run,Details,Stop default Stop", true},
	} {
		s := newScene(Run)
		if !test.runs {
			s = newScene(Skip)
		}
		purge := s.step("purge", test.traits)
		purge.idle = "no service was changed"
		r := s.runner(purge)
		r.Back, r.Yes = nil, test.yes
		if err := r.Run(t.Context()); err != nil || s.world["purge"] != test.runs || strings.Join(s.person.asked, "") != test.asked {
			t.Errorf("%+v: %v %v, asked %q", test, err, s.world, s.person.asked)
		}
		if said := s.events.has(EventNote, "no service was changed"); said != test.traits.Optional {
			t.Errorf("%+v: said: %v", test, said)
		}
		if e, ok := History(s.log.entries).Last(Skipped); ok == test.runs || ok && e.Facts["reason"] != "left out by me@host: no service was changed" {
			t.Errorf("%+v: the log says %+v", test, e)
		}
	}
}

// Who slept at the gate for longer than the lock lasts neither goes on nor takes back what is someone else's by now.
func TestWhoSleptAtTheGateChangesNothing(t *testing.T) {
	for _, answer := range []string{Continue, RollBack} {
		s := newScene(answer)
		_, redeploy := gated(s)
		s.world["canary"], redeploy.gate = true, &Gate{Subject: "sha256:new"}
		r := s.runner(redeploy)
		r.Lock = &lock{held: As(ErrLocked, errors.New("taken over"))}
		err := r.Run(t.Context())
		if !errors.Is(err, ErrLocked) || errors.Is(err, ErrRolledBack) || !s.world["canary"] || s.world["redeploy"] {
			t.Errorf("%s: %v %v", answer, err, s.world)
		}
		if History(s.log.entries).Accepted("sha256:new") {
			t.Errorf("%s: it was accepted", answer)
		}
	}
}

// What a person must agree to is no matter for --yes, nor for "run to canary".
func TestYesDoesNotAgreeToWhatIsAsked(t *testing.T) {
	for _, test := range []struct {
		answers []string
		yes     bool
		want    error
	}{{nil, true, ErrStopped}, {[]string{RunToCanary, Stop}, false, ErrStopped}, {[]string{RunToCanary, Run, Run}, false, nil}} {
		s := newScene(test.answers...)
		build := s.step("build", Traits{})
		build.asks = "three files differ through no commit"
		_, redeploy := gated(s)
		r := s.runner(s.step("sync", Traits{}), build, redeploy)
		r.Yes = test.yes
		if err := r.Run(t.Context()); !errors.Is(err, test.want) || s.world["build"] != (test.want == nil) {
			t.Errorf("%v: %v %v %q", test.answers, err, s.world, s.person.asked)
		}
	}
}

func TestHintsAreFoundInJoinedErrors(t *testing.T) {
	err := fmt.Errorf("a: %w", errors.Join(Hint(errors.New("b"), "one"), Refuse(errors.New("c"), "two")))
	if got := Hints(err); !slices.Equal(got, []string{"one", "two"}) || !errors.Is(err, ErrUsage) {
		t.Errorf("%v", got)
	}
}
