package lake

import (
	"fmt"
	"regexp"
	"strings"

	"tributary/internal/table"
)

// Namer is a lake that cannot give columns every name. Group keeps it within reach: see As.
type Namer interface {
	// CheckName returns ErrSchema when a column cannot have the name.
	CheckName(name string) error
}

// CheckNames holds the names that a plan's columns will have against those that a lake can have, before anything is
// read. It returns ErrSchema with all that cannot be, and the rename that mends each. A nil namer takes any name. With
// table.DriftIgnore nothing is refused: the column may be one that is left out.
func CheckNames(namer Namer, spec table.Spec, plan table.Plan) error {
	if namer == nil || spec.Drift == table.DriftIgnore {
		return nil
	}
	var faults []string
	for _, c := range plan.Columns {
		central := spec.CentralName(c.Name)
		if err := namer.CheckName(central); err != nil {
			faults = append(faults, fmt.Sprintf("%v: add rename: {%q: %q}, or exclude it", err, c.Name, plainName(central)))
		}
	}
	if faults == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrSchema, strings.Join(faults, "; "))
}

var notPlain = regexp.MustCompile(`[ ,;{}()\n\t=]+`)

// plainName is a name like another that every lake can have.
func plainName(name string) string {
	if plain := strings.Trim(notPlain.ReplaceAllString(name, "_"), "_"); plain != "" {
		return plain
	}
	return "column"
}
