package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"tributary/config/strict"
)

var propertyKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,254}$`)

// refusedProperties are keys, or beginnings of keys that end in a dot, that a table cannot be given, and what to do instead.
var refusedProperties = []struct{ key, why, fix string }{
	{"delta.columnmapping.", "is set by Tributary, where a column's name needs it", "remove it"},
	{"delta.appendonly", "would refuse the updates and deletes of every merge", "remove it"},
	{"delta.constraints.", "would fail a merge for all clients in it because of one row", "use expect, which keeps such rows apart"},
	{"comment", "is no property", "give the source table the comment"},
	{"location", "is no property", "remove it: central tables are where the schema keeps them"},
	{"provider", "is no property", "remove it: central tables are Delta tables"},
	{"external", "is no property", "remove it"},
	{"owner", "is no property", "use ALTER TABLE … OWNER TO, or another key"},
}

// knownProperties are those that a local lake goes by. Delta on Spark and Databricks knows more, and refuses what it does not know.
var knownProperties = []string{
	"delta.enableDeletionVectors", "delta.logRetentionDuration", "delta.deletedFileRetentionDuration", "delta.enableExpiredLogCleanup", "delta.checkpointInterval",
}

// misspelt is the known property that a name is all but equal to, or "".
func misspelt(name string) string {
	const slips = 3
	for _, known := range knownProperties {
		if name != known && levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(known)) <= slips {
			return known
		}
	}
	return ""
}

// properties checks table properties. What Delta itself knows under delta. it checks when the table is created.
func (c checker) properties(key string, properties map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		at := strict.Join(key, name)
		if !propertyKey.MatchString(name) {
			c.Add(at, fmt.Sprintf("%q cannot be the key of a property", name), "use letters, digits, dots, _ and -, and begin with a letter")
			continue
		}
		if known := misspelt(name); known != "" {
			c.Add(at, "is not how Delta writes it", fmt.Sprintf("write %s", known))
		}
		for _, refused := range refusedProperties {
			if lower := strings.ToLower(name); lower == refused.key || strings.HasSuffix(refused.key, ".") && strings.HasPrefix(lower, refused.key) {
				c.Add(at, refused.why, refused.fix)
			}
		}
	}
}
