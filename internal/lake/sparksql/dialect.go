package sparksql

import (
	"fmt"
	"strings"

	"tributary/internal/table"
)

// dialect is where the two kinds of endpoint differ.
type dialect struct {
	name       string
	parameters bool              // values go as parameters; else as literals
	liquid     bool              // CLUSTER BY, deletion vectors, row-level concurrency
	session    []string          // statements that prepare a session
	settings   map[string]string // of a session, whatever the server's are
}

var (
	sparkDialect      = dialect{name: "spark", settings: sparkSettings}
	databricksDialect = dialect{name: "databricks", parameters: true, liquid: true, session: []string{"SET TIME ZONE 'UTC'"}}
)

// sparkSettings are those with which a server of somebody else's would change values, lose rows or read statements otherwise.
var sparkSettings = map[string]string{
	"spark.sql.session.timeZone": "UTC",

	"spark.sql.ansi.enabled":          "true", // a cast that overflows fails, and does not give NULL
	"spark.sql.storeAssignmentPolicy": "ANSI", // nor does what a merge writes into a table that somebody has made anew

	"spark.sql.files.ignoreCorruptFiles": "false", // a merge would write a file anew without the rows that it could not read
	"spark.sql.files.ignoreMissingFiles": "false",

	"spark.sql.parquet.datetimeRebaseModeInRead":  "CORRECTED", // staged dates before 1582 are of today's calendar: Spark 3 asks, and its older mode shifts them
	"spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED", // other readers would see them shifted
	"spark.sql.timestampType":                     "TIMESTAMP_LTZ",

	"spark.sql.variable.substitute":           "false",
	"spark.sql.caseSensitive":                 "false",
	"spark.sql.parser.escapedStringLiterals":  "false", // see literal
	"spark.sql.parser.quotedRegexColumnNames": "false",
}

// quote quotes an identifier.
func quote(name string) string { return table.Quote(name, table.Backtick) }

// quoteAll quotes identifiers and joins them with commas.
func quoteAll(names []string) string { return table.QuoteAll(names, table.Backtick) }

// tableName quotes a central table's name: schema is catalog.schema or the schema alone, neither with a dot.
func tableName(schema, name string) string { return schemaName(schema) + "." + quote(name) }

func schemaName(schema string) string {
	if catalog, inner, ok := strings.Cut(schema, "."); ok {
		return quote(catalog) + "." + quote(inner)
	}
	return quote(schema)
}

// literal writes text as a string literal. Spark reads backslashes as escapes and two quotes as two texts side by
// side, so that the standard's doubling of quotes would lose them; and it replaces ${…} by a setting's value, even within texts.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, `$`, `\u0024`).Replace(text) + "'"
}

func literals(texts []string) string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = literal(text)
	}
	return strings.Join(all, ", ")
}

// statement is SQL text and the values of its parameters.
type statement struct {
	text   string
	values []any
}

// value is text as a value in a statement: a parameter's marker, or a literal. Markers are in the order of the
// calls.
func (d dialect) value(values *[]any, text string) string {
	if !d.parameters {
		return literal(text)
	}
	*values = append(*values, text)
	return "?"
}

var sqlTypes = map[table.Type]string{
	table.Byte: "TINYINT", table.Short: "SMALLINT", table.Integer: "INT", table.Long: "BIGINT",
	table.Float: "FLOAT", table.Double: "DOUBLE", table.Boolean: "BOOLEAN", table.String: "STRING",
	table.Binary: "BINARY", table.Date: "DATE", table.Timestamp: "TIMESTAMP",
}

// sqlType is a central type as Spark SQL writes it.
func sqlType(t table.Type) string {
	if p, s, ok := t.DecimalOf(); ok {
		return fmt.Sprintf("DECIMAL(%d,%d)", p, s)
	}
	return sqlTypes[t]
}

// centralType is a type as DESCRIBE TABLE writes it; what Tributary has no word for keeps its name.
func centralType(described string) table.Type {
	for t, name := range sqlTypes {
		if strings.EqualFold(name, described) {
			return t
		}
	}
	return table.Type(strings.ReplaceAll(described, " ", ""))
}
