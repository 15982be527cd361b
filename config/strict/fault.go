package strict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Fault is one thing that is wrong in a file.
type Fault struct {
	File    string // the file's name, or what stands for it: "environment"
	Line    int    // from 1; 0 when it is not known
	Key     string // the key's path: tables[0].expect[1].otherwise; "" for the file as a whole
	Problem string // what is wrong
	Fix     string // what to do
}

// Error writes the fault in one line: file:line: key: problem; fix.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	if f.Key != "" {
		b.WriteString(": " + f.Key)
	}
	b.WriteString(": " + f.Problem)
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	return b.String()
}

// Faults is everything that is wrong, in the order of files and lines.
type Faults []Fault

// Error writes one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the faults sorted by file and line, or nil when there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	sorted := slices.Clone(f)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return sorted
}

// Nearest returns the word that is most like the given one, without regard to case, or "" when none comes close.
func Nearest(word string, words []string) string {
	best, distance := "", max(2, len(word)/2)+1
	for _, w := range words {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(w)); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// OneOf writes the allowed words as a fix: "use warn, quarantine or fail".
func OneOf(words []string) string {
	if len(words) == 1 {
		return "use " + words[0]
	}
	last := len(words) - 1
	return "use " + strings.Join(words[:last], ", ") + " or " + words[last]
}
