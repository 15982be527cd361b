package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tributary/config/strict"
)

// After is what runs once a sync is done: a Databricks job or a list of SQL statements. It starts when the
// entries in After were ok and every client table of Needs has arrived, and is skipped otherwise.
type After struct {
	Name string `json:"name"` // unique in the sync

	// Job is a Databricks job's id. Exactly one of Job and SQL is given.
	Job int64 `json:"job,omitempty"`
	// Parameters are job parameters. Of their values, ${sync}, ${schema} (the central one), ${run_id} and ${date} (of the sync's
	// start, in UTC: 2006-01-02) are replaced.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Wait says whether to wait for the job, and fail when it fails; default true.
	Wait bool `json:"wait,omitempty"`

	// SQL is statements of the lake's own dialect, run in order with the central schema as the current one. One may run
	// more than once.
	SQL []string `json:"sql,omitempty"`

	Timeout time.Duration `json:"timeout"`         // of the whole entry; default 2h
	Needs   []string      `json:"needs,omitempty"` // central tables; empty: all of the sync
	After   []string      `json:"after,omitempty"` // names of other entries
}

// afterFile is an After as it is written.
type afterFile After

const (
	defaultAfterTimeout = 2 * time.Hour
	maxAfterTimeout     = 7 * 24 * time.Hour
	maxAfters           = 50  // each is in the summary of every run
	maxStatements       = 500 // in all, so that the history of a run stays small
)

// afters checks what runs after a sync and fills in its defaults. Against the lake it is checked by checkAfters.
func (c checker) afters(s *Sync, written []afterFile) {
	if len(written) > maxAfters {
		c.Add("after", fmt.Sprintf("has %d entries", len(written)), fmt.Sprintf("keep at most %d, or put several statements or tasks into one", maxAfters))
	}
	statements := 0
	for _, w := range written {
		statements += len(w.SQL)
	}
	if statements > maxStatements {
		c.Add("after", fmt.Sprintf("has %d statements in all", statements), fmt.Sprintf("keep at most %d, or run them as a job", maxStatements))
	}
	names := map[string]int{}
	for i, w := range written {
		key, entry := element("after", i), After(w)
		if !c.Has(key + ".timeout") {
			entry.Timeout = defaultAfterTimeout
		}
		c.after(key, &entry)
		c.needs(key, entry, s)
		if earlier, twice := names[fold(entry.Name)]; twice && entry.Name != "" {
			c.Add(key+".name", fmt.Sprintf("%q is the name of after[%d] already", entry.Name, earlier), "give each entry a name of its own")
		} else if !twice {
			names[fold(entry.Name)] = i
		}
		s.After = append(s.After, entry)
	}
	c.order(s.After)
}

func (c checker) after(key string, a *After) {
	if c.required(key+".name", a.Name) && !syncName.MatchString(a.Name) {
		c.Add(key+".name", fmt.Sprintf("%q cannot be the name of an entry", a.Name), "use at most 100 letters, digits, - and _")
	}
	hasJob, hasSQL := c.Has(key+".job"), c.Has(key+".sql")
	switch {
	case hasJob && hasSQL:
		c.Add(key, "has both job and sql", "keep one, and make another entry of the other, with after: [...]")
	case !hasJob && !hasSQL:
		c.Add(key, "has neither job nor sql", "add the id of a Databricks job, or a list of statements")
	case hasJob && a.Job < 1:
		c.Add(key+".job", "is not the id of a job", "write the number that the job's page shows")
	case hasSQL && len(a.SQL) == 0:
		c.Add(key+".sql", "has no statement", "add one, or remove the entry")
	}
	for i, statement := range a.SQL {
		if strings.TrimSpace(statement) == "" {
			c.Add(element(key+".sql", i), "is empty", "remove it")
		}
	}
	if hasJob && !c.Has(key+".wait") {
		a.Wait = true
	}
	if !hasJob {
		for _, only := range []string{"parameters", "wait"} {
			if c.Has(key + "." + only) {
				c.Add(key+"."+only, "has no meaning without a job", "remove it")
			}
		}
	}
	c.parameters(key, a.Parameters)
	if a.Timeout < time.Second || a.Timeout > maxAfterTimeout {
		c.Add(key+".timeout", "is not between 1s and 168h", "write such a time, such as 2h")
	}
}

// Placeholders are what the parameters of a job may hold, to be replaced when it is started.
var Placeholders = []string{"${sync}", "${schema}", "${run_id}", "${date}"}

func (c checker) parameters(key string, parameters map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		for _, found := range placeholder.FindAllString(parameters[name], -1) {
			if !slices.Contains(Placeholders, found) {
				c.Add(strict.Join(key+".parameters", name), "unknown placeholder "+found, strict.OneOf(Placeholders))
			}
		}
	}
}

// needs checks the tables that an entry needs, and writes them as the sync does.
func (c checker) needs(key string, a After, s *Sync) {
	c.distinct(key+".needs", a.Needs, element, c.Add)
	var known []string
	for _, t := range s.Tables {
		known = append(known, t.Target)
	}
	for i, name := range a.Needs {
		at := slices.IndexFunc(known, func(k string) bool { return fold(k) == fold(name) })
		if at >= 0 {
			a.Needs[i] = known[at]
			continue
		}
		c.Add(element(key+".needs", i), fmt.Sprintf("%q is not a central table of this sync", name), nearest(name, known, "name one of its tables, by its target"))
	}
}

func nearest(name string, known []string, otherwise string) string {
	if near := strict.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return otherwise
}

// order checks what each entry comes after: entries that exist, and no circle.
func (c checker) order(all []After) {
	index := map[string]int{}
	var known []string
	for i, a := range all {
		index[a.Name] = i
		known = append(known, a.Name)
	}
	for i, a := range all {
		key := element("after", i) + ".after"
		c.distinct(key, a.After, element, c.Add)
		for j, name := range a.After {
			if _, ok := index[name]; !ok {
				c.Add(element(key, j), fmt.Sprintf("there is no entry %q", name), nearest(name, known, "name another entry of after"))
			}
		}
	}
	if circle := circleOf(all, index); len(circle) > 0 {
		c.Add(element("after", index[circle[0]])+".after", "goes in a circle: "+strings.Join(append(circle, circle[0]), " → "), "remove one of them from after")
	}
}

// circleOf returns the first circle of entries, each of which comes after the next; none when they can be put in order.
func circleOf(all []After, index map[string]int) []string {
	const (
		open = iota + 1
		closed
	)
	state := make([]int, len(all))
	var path []string
	var visit func(i int) []string
	visit = func(i int) []string {
		state[i] = open
		path = append(path, all[i].Name)
		for _, name := range all[i].After {
			next, ok := index[name]
			switch {
			case !ok || state[next] == closed:
			case state[next] == open:
				return slices.Clone(path[slices.Index(path, name):])
			default:
				if circle := visit(next); circle != nil {
					return circle
				}
			}
		}
		state[i], path = closed, path[:len(path)-1]
		return nil
	}
	for i := range all {
		if state[i] == 0 {
			if circle := visit(i); circle != nil {
				return circle
			}
		}
	}
	return nil
}

// checkAfters checks what runs after a sync against what the lake can do.
func (c checker) checkAfters(kind string, all []After) {
	for i, a := range all {
		key := element("after", i)
		if a.Job != 0 && kind != LakeDatabricks {
			c.Add(key+".job", "is a Databricks job, and the lake is of kind "+kind, "remove the entry, or change lake.kind to databricks")
		}
		if len(a.SQL) > 0 && kind == LakeLocal {
			c.Add(key+".sql", "cannot be run: a local lake cannot run SQL after a sync", "remove the entry, or change lake.kind to spark or databricks")
		}
	}
}
