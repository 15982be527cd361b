package workspace

import (
	"fmt"
	"regexp"
	"strings"
)

// parameter is a query parameter as the driver sends it: its value in text.
type parameter struct {
	name string // "" for positional ones
	kind string // BIGINT, …
	text string
	null bool
}

// readParameters reads TSparkParameter: name 2, type 3, value 4 with its text in 1.
func readParameters(request fields) []parameter {
	list, _ := request.get(executeParameters).(sequence)
	var all []parameter
	for _, item := range list.items {
		p, _ := item.(fields)
		value := p.inner(4)
		all = append(all, parameter{name: p.text(2), kind: p.text(3), text: value.text(1), null: value.get(1) == nil})
	}
	return all
}

var parameterKinds = regexp.MustCompile(`^(TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE|BOOLEAN|DATE|TIMESTAMP|DECIMAL\(\d+,\d+\)|INTERVAL (MONTH|DAY))$`)

// escapes also hides $ from Spark, which replaces ${…} by a setting's value even within texts; a parameter has none of that.
var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, `$`, `\u0024`)

// literal is a parameter as Spark's SQL has it. Unknown types are refused, as at Databricks.
func (r *rewriter) literal(p parameter) string {
	text := "'" + escapes.Replace(p.text) + "'"
	switch {
	case p.kind == "VOID":
		return "NULL"
	case p.kind == "STRING" && !p.null:
		return text
	case p.kind != "STRING" && !parameterKinds.MatchString(p.kind):
		r.err = fmt.Errorf("a parameter has the unknown type %q", p.kind)
		return "NULL"
	case p.null:
		return "CAST(NULL AS " + p.kind + ")"
	}
	return "CAST(" + text + " AS " + p.kind + ")"
}
