package lake

import "context"

// Checker is a lake that can say whether it is ready for syncs. Group keeps it within reach: see As.
type Checker interface {
	// Check looks at what a sync needs of the lake (its server, the account's sign-in and grants, the schemas, staging) and
	// returns what it found, good and bad, in the order in which it looked. It makes no table and leaves
	// nothing behind. What cannot be looked at because something before it failed is left out.
	Check(ctx context.Context, schemas []string) []Finding
}

// Finding is one thing that Check looked at.
type Finding struct {
	What    string // what was looked at, and how it is when nothing is wrong: "staging /Volumes/… can be written"
	Problem string // what is wrong; "" when nothing is
	Fix     string // what to do about the problem
}
