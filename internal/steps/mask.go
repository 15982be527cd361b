package steps

import "tributary/internal/table"

// masks are the masks of table.Transform, as SQL over a text.
var masks = map[string]func(text string) string{
	"all": func(text string) string { return "CASE WHEN " + text + " IS NOT NULL THEN '***' END" },
	"email": func(text string) string {
		return "CASE WHEN " + text + " IS NULL THEN NULL WHEN " + text + " NOT LIKE '%@%' THEN '***' " +
			"ELSE regexp_replace(" + text + ", '^([^@]?).*@([^@]*)$', '\\1***@\\2', 's') END"
	},
	"last4": func(text string) string {
		return "CASE WHEN length(" + text + ") >= 8 THEN '***' || right(" + text + ", 4) WHEN " + text + " IS NOT NULL THEN '***' END"
	},
}

// canonical is the SQL of a column's text: the same for the same value in every version of DuckDB.
func canonical(column, duck string) string {
	name := table.Quote(column, table.DoubleQuote)
	switch duck {
	case "VARCHAR":
		return name
	case "BLOB":
		return "lower(hex(" + name + "))"
	case "TIMESTAMP WITH TIME ZONE", "TIMESTAMP":
		return "strftime(CAST(" + name + " AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ')"
	}
	return "CAST(" + name + " AS VARCHAR)"
}

// hash is the SQL of the hex digits of SHA-256(salt || text); salt is SQL, or "" for none.
func hash(column, duck, salt string) string {
	text := canonical(column, duck)
	if duck == "BLOB" { // the bytes themselves
		text = table.Quote(column, table.DoubleQuote)
		if salt != "" {
			salt = "encode(" + salt + ")"
		}
	}
	if salt == "" {
		return "sha256(" + text + ")"
	}
	return "sha256(" + salt + " || " + text + ")"
}
