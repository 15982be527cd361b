package table

import "strings"

// Quotes of identifiers, for Quote.
const (
	Backtick    = "`" // MariaDB, Spark, Databricks
	DoubleQuote = `"` // DuckDB
)

// Quote quotes an SQL identifier. Every identifier in every statement goes through it.
func Quote(name, quote string) string {
	return quote + strings.ReplaceAll(name, quote, quote+quote) + quote
}

// QuoteAll quotes names and joins them with commas.
func QuoteAll(names []string, quote string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = Quote(name, quote)
	}
	return strings.Join(quoted, ", ")
}

// Literal writes text as a standard SQL string literal, for the few places where a statement takes
// no parameter (COPY, partition predicates, file lists).
func Literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
