package steps

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

func unknownColumn(name string, columns []string) error {
	hint := near(name, columns)
	if hint == "" {
		hint = "; the columns are " + strings.Join(columns, ", ")
	}
	return fmt.Errorf("there is no column %q%s", name, hint)
}

// near names the up to three names that are closest to a misspelt one.
func near(name string, names []string) string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, other := range names {
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(other))
		if d <= max(1, min(len(name), len(other))/3) {
			found = append(found, candidate{other, d})
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.SortFunc(found, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var shown []string
	for _, c := range found[:min(3, len(found))] {
		shown = append(shown, c.name)
	}
	return "; did you mean " + strings.Join(shown, ", ") + "?"
}
