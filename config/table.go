package config

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"tributary/config/strict"
	"tributary/internal/table"
)

// tableFile is a table spec as it is written.
type tableFile struct {
	Name         string            `json:"name"`
	Target       string            `json:"target"`
	IDs          []string          `json:"ids"`
	Cursor       string            `json:"cursor"`
	Columns      []string          `json:"columns"`
	Exclude      []string          `json:"exclude"`
	Where        string            `json:"where"`
	Rename       map[string]string `json:"rename"`
	Fill         map[string]string `json:"fill"`
	Transform    []table.Transform `json:"transform"`
	Expect       []table.Rule      `json:"expect"`
	Deletes      deletesFile       `json:"deletes"`
	History      history           `json:"history"`
	Review       bool              `json:"review"`
	Snapshot     bool              `json:"snapshot"`
	OnNullCursor string            `json:"on_null_cursor"`
	Overlap      overlap           `json:"overlap"`
	ZeroDates    strict.Word       `json:"zero_dates"`
	TinyInt1     string            `json:"tinyint1"`
	Types        map[string]string `json:"types"`
	DatetimeZone string            `json:"datetime_zone"`
	Drift        string            `json:"drift"`
	PartitionBy  []string          `json:"partition_by"` // short for layout.partition_by
	Layout       layoutFile        `json:"layout"`
	Properties   map[string]string `json:"properties"`
}

// Defaults of a table's overlap: how far a window goes back for rows that were committed late.
const (
	defaultOverlap     = 10 * time.Minute
	defaultOverlapRows = 1000
)

// overlap is a time (10m) for a cursor over time, or a number (1000) for an ever-growing id. Which one the
// cursor is, only the source knows; the one that is not written keeps its default.
type overlap struct {
	time *time.Duration
	rows *int64
}

// FromScalar implements strict.Scalar.
func (o *overlap) FromScalar(tag, text string) error {
	if tag == "!!int" {
		rows, err := strconv.ParseInt(text, 10, 64)
		if err != nil || rows < 0 {
			return fmt.Errorf("is not a number of rows; write one of 0 or more")
		}
		if o.rows = &rows; rows == 0 {
			o.time = new(time.Duration)
		}
		return nil
	}
	duration, ok := strict.ParseDuration(text)
	if !ok {
		return fmt.Errorf("is not an overlap; write a time such as 10m, or a whole number such as 1000 for a cursor that is an id")
	}
	o.time = &duration
	return nil
}

// table checks a table and returns its spec, complete with defaults.
func (c checker) table(at string, t tableFile) table.Spec {
	spec := table.Spec{
		Name: t.Name, Target: defaultTo(t.Target, t.Name), IDs: t.IDs, Cursor: t.Cursor, Columns: t.Columns, Exclude: t.Exclude,
		Where: t.Where, Rename: t.Rename, Fill: t.Fill, Transform: t.Transform, Expect: t.Expect,
		Deletes: c.deletes(at, t), History: string(t.History), Snapshot: t.Snapshot, OnNullCursor: t.OnNullCursor,
		ZeroDates: defaultTo(string(t.ZeroDates), "null"), TinyInt1: defaultTo(t.TinyInt1, "number"),
		DatetimeZone: defaultTo(t.DatetimeZone, "UTC"), Drift: defaultTo(t.Drift, table.DriftEvolve), Properties: t.Properties,
	}
	c.layout(at, t, &spec)
	c.properties(at+".properties", spec.Properties)
	c.tableNames(at, t, spec)
	c.history(at, spec)
	c.cursor(at, t, &spec)
	c.oneOf(at+".zero_dates", spec.ZeroDates, "null", "fail")
	c.oneOf(at+".tinyint1", spec.TinyInt1, "number", "boolean")
	c.oneOf(at+".drift", spec.Drift, table.DriftEvolve, table.DriftIgnore, table.DriftFail)
	c.zone(at+".datetime_zone", spec.DatetimeZone)
	c.notYet(at+".review", t.Review)
	c.rules(at, spec.Expect)
	c.columns(at, &spec, t.Types)
	return spec
}

func (c checker) notYet(key string, wanted bool) {
	if wanted {
		c.Add(key, "is not available yet", "remove it, or write false")
	}
}

var centralName = regexp.MustCompile(`^[\pL_][\pL\pN_-]{0,127}$`)

func (c checker) central(key, name, what string) {
	if !centralName.MatchString(name) {
		c.Add(key, fmt.Sprintf("%q cannot be the name of %s", name, what), "use letters, digits, _ and -, and begin with a letter")
	}
}

func (c checker) tableNames(at string, t tableFile, spec table.Spec) {
	if !c.required(at+".name", t.Name) {
		return
	}
	key := at + ".target"
	if t.Target == "" && !centralName.MatchString(t.Name) {
		c.Add(at+".name", fmt.Sprintf("%q cannot be the name of a central table too", t.Name), "add a target, of letters, digits, _ and -")
	} else {
		c.central(key, spec.Target, "a central table")
	}
	if reserved := fold(spec.Target); reserved == "sync_log" || reserved == "sync_runs" {
		c.Add(key, fmt.Sprintf("%s is the name of Tributary's own log", reserved), "choose another target")
	}
}

func (c checker) cursor(at string, t tableFile, spec *table.Spec) {
	if t.Cursor == "" {
		for _, key := range []string{"overlap", "on_null_cursor"} {
			if c.Has(at + "." + key) {
				c.Add(at+"."+key, "has no meaning without a cursor", "add a cursor, or remove it")
			}
		}
		return
	}
	spec.OnNullCursor = defaultTo(spec.OnNullCursor, table.NullInclude)
	c.oneOf(at+".on_null_cursor", spec.OnNullCursor, table.NullInclude, table.NullExclude, table.NullFail)
	spec.Overlap, spec.OverlapRows = defaultOverlap, defaultOverlapRows
	if t.Overlap.time != nil {
		spec.Overlap = *t.Overlap.time
	}
	if t.Overlap.rows != nil {
		spec.OverlapRows = *t.Overlap.rows
	}
}

func (c checker) rules(at string, rules []table.Rule) {
	first := map[string]int{}
	for i, rule := range rules {
		key := element(at+".expect", i)
		if c.required(key+".name", rule.Name) {
			if earlier, twice := first[fold(rule.Name)]; twice {
				c.Add(key+".name", fmt.Sprintf("%q is the name of expect[%d] already", rule.Name, earlier), "give each rule a name of its own")
			} else {
				first[fold(rule.Name)] = i
			}
		}
		if rule.That == "" {
			c.Add(key+".that", "is missing", `write what holds for every row, such as that: "amount >= 0"`)
		}
		if rule.Otherwise == "" {
			c.Add(key+".otherwise", "is missing", strict.OneOf([]string{table.Warn, table.Quarantine, table.Fail}))
		} else {
			c.oneOf(key+".otherwise", rule.Otherwise, table.Warn, table.Quarantine, table.Fail)
		}
	}
}
