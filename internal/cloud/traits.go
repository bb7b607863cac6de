package cloud

// Traits are what the routine must know of a target beyond Stack.
type Traits struct {
	// FollowsTags: a service runs what its tag names, so the tag is moved before it is redeployed.
	FollowsTags bool
	// RunsInside: a job runs inside a running container, so its image is the one that is deployed.
	RunsInside bool
}

// TraitsOf a stack: those it is marked with, or none.
func TraitsOf(stack Stack) Traits {
	if t, ok := stack.(interface{ Traits() Traits }); ok {
		return t.Traits()
	}
	return Traits{}
}
