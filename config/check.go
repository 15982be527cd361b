package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are checked, and used, also where the system has none

	"tributary/config/strict"
	"tributary/internal/registry"
	"tributary/internal/secrets"
)

// checker adds the faults of one file.
type checker struct{ *strict.File }

func (c checker) required(key, value string) bool {
	if value == "" {
		c.Add(key, "is missing", "give it a value")
	}
	return value != ""
}

func (c checker) atLeast(key string, value, least int64) {
	if problem, fix := tooSmall(value, least); problem != "" {
		c.Add(key, problem, fix)
	}
}

func tooSmall(value, least int64) (problem, fix string) {
	switch {
	case value >= least:
		return "", ""
	case least == 0:
		return "is negative", "write 0 or more"
	}
	return "is too small", "write 1 or more"
}

func (c checker) positive(key string, value time.Duration) {
	if value <= 0 {
		c.Add(key, "is no time at all", "write one of more than 0, such as 30s, 10m, 12h or 7d")
	}
}

func (c checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.Add(key, unknownValue(value), strict.OneOf(allowed))
	}
}

func unknownValue(value string) string { return fmt.Sprintf("unknown value %q", value) }

func element(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }

type adder func(key, problem, fix string)

// reference checks a secret reference. It never shows one that is none: it may be the secret.
func (c checker) reference(key, ref string, add adder) {
	if err := secrets.Check(ref); err != nil {
		add(key, "is not a usable secret reference, and is not shown in case it is the secret itself", "write env:NAME or file:PATH")
	}
}

// scoped refuses a secret of a Databricks secret scope where the lake has no workspace to read it from.
func scoped(key, ref, lakeKind string, add adder) {
	if lakeKind != LakeDatabricks && strings.HasPrefix(ref, "databricks:") {
		add(key, "is in a secret scope of Databricks, and the lake is of kind "+lakeKind, "use env:NAME or file:PATH")
	}
}

// names checks a list of clients' ids or regions.
func (c checker) names(key string, names []string, at func(string, int) string, add adder) {
	c.distinct(key, names, at, add)
	for i, name := range names {
		if problem := registry.CheckName(name); problem != "" {
			add(at(key, i), problem, "write the name as the registry has it")
		}
	}
}

// distinct checks that a list has no name twice, without regard to case.
func (c checker) distinct(key string, names []string, at func(string, int) string, add adder) {
	seen := map[string]bool{}
	for i, name := range names {
		if seen[fold(name)] {
			add(at(key, i), fmt.Sprintf("%q is in the list already", name), "remove it")
		}
		seen[fold(name)] = true
	}
}

func (c checker) zone(key, name string) {
	_, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		c.Add(key, fmt.Sprintf("unknown time zone %q", name), "write an IANA name, such as UTC or Europe/Vienna")
	}
}

// fold makes names comparable as MariaDB compares columns and Delta compares both columns and tables.
func fold(name string) string { return strings.ToLower(name) }
