package config

import (
	"errors"
	"fmt"

	"tributary/config/strict"
	"tributary/internal/table"
)

// history is whether a table keeps versions of its rows: true (beside the latest rows), only, or false.
type history string

// FromScalar implements strict.Scalar.
func (h *history) FromScalar(_, text string) error {
	switch text {
	case "true":
		*h = table.HistoryAlso
	case "false":
		*h = ""
	case table.HistoryOnly:
		*h = table.HistoryOnly
	default:
		return errors.New("is no history; write true (versions beside the latest rows), only (versions instead of them), or false")
	}
	return nil
}

// history checks the name of the table of versions.
func (c checker) history(at string, spec table.Spec) {
	if spec.History == table.HistoryAlso && centralName.MatchString(spec.Target) {
		c.central(at+".target", spec.HistoryTable(), "the table of versions beside the central one")
	}
}

// versions refuses columns that are known and have the name of one that a table of versions adds. Those are there to lay out
// the table, where it is the only one.
func (k columnCheck) versions() {
	if k.spec.History == "" {
		return
	}
	for _, c := range table.Versions() {
		if other, taken := k.central[fold(c.Name)]; taken {
			k.Add(k.key("history"), fmt.Sprintf("needs a column %s for itself, and there is one from %s", c.Name, other), "rename that one, or exclude it")
		}
		if k.spec.History == table.HistoryOnly {
			k.central[fold(c.Name)] = "history"
		}
	}
}

// claim is a central table and what a sync brings there.
type claim struct{ sync, target, what, history string }

// claims are the central tables of a spec.
func claims(sync Sync, spec table.Spec) []claim {
	all := []claim{{sync.Name, spec.Target, fmt.Sprintf("the table %q", spec.Name), spec.History}}
	if spec.History == table.HistoryAlso {
		all = append(all, claim{sync.Name, spec.HistoryTable(), fmt.Sprintf("versions of the table %q", spec.Name), spec.History})
	}
	return all
}

// checkAcross checks what only several syncs together can get wrong: two source tables that go to
// one central table, where each would take the other's rows for its own and delete them; and one that keeps versions in one sync only.
func checkAcross(syncs []Sync, files []*strict.File) {
	claimed := map[string]claim{}
	for i, s := range syncs {
		for j, t := range s.Tables {
			if t.Target == "" {
				continue
			}
			for _, c := range claims(s, t) {
				key := fold(s.Target.Catalog + "\x00" + s.Target.Schema + "\x00" + c.target)
				other, taken := claimed[key]
				if !taken {
					claimed[key] = c
				} else if other.sync != s.Name {
					checkShared(files[i], element("tables", j), c, other)
				}
			}
		}
	}
}

func checkShared(file *strict.File, at string, c, other claim) {
	switch {
	case other.what != c.what:
		file.Add(at, fmt.Sprintf("goes to the central table %q, where the sync %s brings %s", c.target, other.sync, other.what), "give one of them another target")
	case other.history != c.history:
		file.Add(at+".history", fmt.Sprintf("differs from that of the sync %s, which brings %s to the same central table: versions would be missing", other.sync, other.what), "write the same in both")
	}
}
