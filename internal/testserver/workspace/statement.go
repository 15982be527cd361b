package workspace

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// pieces cuts SQL into strings, quoted names, comments and what is between them. Raw strings (r'…') are not known.
var pieces = regexp.MustCompile("(?s)" + `'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|` + "`(?:[^`]|``)*`" + `|--[^\n]*|/\*.*?\*/`)

// statement makes Databricks SQL what Spark understands, and changes nothing else:
//   - the catalog of a name becomes spark_catalog, which is Spark's only one
//   - a quoted path in a volume becomes its folder's: parquet.`/Volumes/…`
//   - parameter markers become literals of the parameters' types
//
// Strings and comments stay as they are.
func (w *Workspace) statement(sql string, parameters []parameter) (string, error) {
	r := rewriter{catalogs: w.catalogs(), dir: w.Dir, parameters: parameters, names: showSchemas.MatchString(sql)}
	var out strings.Builder
	at := 0
	for _, piece := range pieces.FindAllStringIndex(sql, -1) {
		out.WriteString(r.between(sql[at:piece[0]]))
		out.WriteString(r.quoted(sql[piece[0]:piece[1]], out.String(), sql[piece[1]:]))
		at = piece[1]
	}
	out.WriteString(r.between(sql[at:]))
	if positional := r.positional(); r.used != positional {
		return "", fmt.Errorf("the statement has %d parameter markers and %d parameters", r.used, positional)
	}
	return out.String(), r.err
}

func (w *Workspace) catalogs() []string {
	var all []string
	for _, volume := range w.options.Volumes {
		catalog, _, _ := strings.Cut(volume, ".")
		if !slices.Contains(all, catalog) {
			all = append(all, catalog)
		}
	}
	return all
}

type rewriter struct {
	catalogs   []string
	dir        string
	parameters []parameter
	names      bool // a catalog stands alone in this statement
	used       int
	err        error
}

var (
	showSchemas = regexp.MustCompile(`(?i)^\s*SHOW\s+(SCHEMAS|DATABASES)\b`)
	plainName   = regexp.MustCompile(`(^|[^.\w:])([A-Za-z_]\w*)(\.)`)
	markers     = regexp.MustCompile(`\?|(^|[^:\w]):([A-Za-z_]\w*)`)
)

const sparkCatalog = "`spark_catalog`"

func (r *rewriter) quoted(piece, before, after string) string {
	if piece[0] != '`' {
		return piece
	}
	name := strings.ReplaceAll(piece[1:len(piece)-1], "``", "`")
	switch {
	case strings.HasPrefix(name, "/Volumes/"):
		return "`" + r.dir + name + "`"
	case slices.Contains(r.catalogs, name) && !strings.HasSuffix(before, ".") && (strings.HasPrefix(after, ".") || r.names):
		return sparkCatalog
	}
	return piece
}

func (r *rewriter) between(sql string) string {
	sql = plainName.ReplaceAllStringFunc(sql, func(match string) string {
		parts := plainName.FindStringSubmatch(match)
		if !slices.Contains(r.catalogs, parts[2]) {
			return match
		}
		return parts[1] + sparkCatalog + parts[3]
	})
	return markers.ReplaceAllStringFunc(sql, r.marker) // last: a parameter's text is nobody's name
}

func (r *rewriter) marker(match string) string {
	if match == "?" {
		r.used++
		if r.used > r.positional() {
			return match
		}
		return r.literal(r.parameters[r.used-1])
	}
	colon := strings.IndexByte(match, ':')
	for _, p := range r.parameters {
		if p.name == match[colon+1:] {
			return match[:colon] + r.literal(p)
		}
	}
	return match // a path into JSON, or a marker that Spark refuses
}

func (r *rewriter) positional() int {
	if len(r.parameters) > 0 && r.parameters[0].name != "" {
		return 0 // the driver refuses to mix them
	}
	return len(r.parameters)
}
