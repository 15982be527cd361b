package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// clause is the text around an expression when it is parsed; the line break ends a comment in it.
const clauseHead, clauseTail = "SELECT (", "\n)"

// scalarMacros are the macros of DuckDB that are functions of a row. Others read the catalogue, the
// session or the clock, or wait.
var scalarMacros = []string{"array_append", "array_pop_back", "array_pop_front", "array_prepend", "array_push_back",
	"array_push_front", "array_reverse", "array_to_string", "date_add", "days_in_month", "fdiv", "fmod", "json",
	"list_any_value", "list_append", "list_avg", "list_count", "list_first", "list_last", "list_max", "list_median",
	"list_min", "list_prepend", "list_product", "list_reverse", "list_string_agg", "list_sum", "nullif",
	"round_even", "roundbankers", "split_part"}

// sessionFunctions are scalar functions that tell about the session or the engine rather than the row;
// getvariable would reveal the salts.
var sessionFunctions = []string{"getvariable", "current_setting", "current_database", "current_schema", "current_schemas",
	"in_search_path", "txid_current", "version", "getenv", "json_serialize_sql", "json_serialize_plan", "json_deserialize_sql"}

// clockValues are the words without parentheses that DuckDB reads as a value.
var clockValues = []string{"current_date", "current_timestamp"}

// catalogue is which functions the DuckDB that is linked in has. Every engine has the same, and reading
// it takes longer than a small step: it is read once, and only when there is an expression to check.
var catalogue struct {
	sync.Mutex
	functions map[string]function // by name
}

// function is what is known of a function of DuckDB's.
type function struct {
	scalar bool // it is a function of one row
	clock  bool // it tells the time: the same for all rows of a transaction
}

func functionsOf(ctx context.Context, e *engine) (map[string]function, error) {
	catalogue.Lock()
	defer catalogue.Unlock()
	if catalogue.functions == nil {
		functions, err := readFunctions(ctx, e)
		if err != nil {
			return nil, err
		}
		catalogue.functions = functions
	}
	return catalogue.functions, nil
}

func readFunctions(ctx context.Context, e *engine) (map[string]function, error) {
	rows, err := e.conn.QueryContext(ctx, `SELECT function_name,
		bool_and(function_type = 'scalar' AND stability IN ('CONSISTENT', 'CONSISTENT_WITHIN_QUERY')), bool_or(function_type = 'macro'),
		coalesce(bool_or(stability = 'CONSISTENT_WITHIN_QUERY'), false)
		FROM duckdb_functions() GROUP BY function_name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	functions := map[string]function{}
	for rows.Next() {
		var name string
		var scalar, macro, clock bool
		if err := rows.Scan(&name, &scalar, &macro, &clock); err != nil {
			return nil, err
		}
		functions[name] = function{clock: clock, scalar: scalar && !slices.Contains(sessionFunctions, name) || macro && slices.Contains(scalarMacros, name)}
	}
	return functions, rows.Err()
}

// check returns which of the columns an expression uses, and whether it tells the time. An expression that is not one
// scalar expression over them is ErrExpression, with all its faults.
func (e *engine) check(ctx context.Context, expression string, columns []string) (used []string, clock bool, err error) {
	var text string
	query := "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)"
	if err := e.conn.QueryRowContext(ctx, query, clauseHead+expression+clauseTail).Scan(&text); err != nil {
		return nil, false, err
	}
	node, err := single(text)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrExpression, err)
	}
	functions, err := functionsOf(ctx, e)
	if err != nil {
		return nil, false, err
	}
	w := &walk{functions: functions, columns: columns}
	w.visit(node, nil)
	if len(w.faults) > 0 {
		return nil, false, fmt.Errorf("%w: %w", ErrExpression, errors.Join(w.faults...))
	}
	return w.used, w.clock, nil
}

type parsed struct {
	Error      bool   `json:"error"`
	Message    string `json:"error_message"`
	Statements []struct {
		Node map[string]any `json:"node"`
	} `json:"statements"`
}

var errNotOne = errors.New("it must be one expression, and nothing but an expression")

// single returns the only expression of a parsed SELECT that has nothing else: no FROM, WHERE, alias or second statement.
func single(text string) (map[string]any, error) {
	var p parsed
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, err
	}
	if p.Error {
		return nil, errors.New(p.Message)
	}
	if len(p.Statements) != 1 || p.Statements[0].Node["type"] != "SELECT_NODE" {
		return nil, errNotOne
	}
	statement := p.Statements[0].Node
	list, _ := statement["select_list"].([]any)
	from, _ := statement["from_table"].(map[string]any)
	if len(list) != 1 || from["type"] != "EMPTY" || !bare(statement) {
		return nil, errNotOne
	}
	node, _ := list[0].(map[string]any)
	if alias, _ := node["alias"].(string); alias != "" || node == nil {
		return nil, errNotOne
	}
	return node, nil
}

// bare says whether a SELECT has no clause but its list and FROM.
func bare(node map[string]any) bool {
	for name, value := range node {
		switch v := value.(type) {
		case nil:
		case []any:
			if name != "select_list" && len(v) > 0 {
				return false
			}
		case map[string]any:
			if ctes, _ := v["map"].([]any); name != "from_table" && (name != "cte_map" || len(ctes) > 0) {
				return false
			}
		case string:
			if name != "type" && (name != "aggregate_handling" || v != "STANDARD_HANDLING") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// walk goes over an expression's tree, as DuckDB serialises it.
type walk struct {
	functions map[string]function
	columns   []string
	used      []string
	clock     bool
	faults    []error
}

func (w *walk) faultf(format string, args ...any) {
	w.faults = append(w.faults, fmt.Errorf(format, args...))
}

// visit checks a node and those below it; params are the lambda parameters in scope.
func (w *walk) visit(value any, params []string) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			w.visit(item, params)
		}
	case map[string]any:
		if class, ok := v["class"].(string); ok && !w.enter(class, v, params) {
			return
		}
		if v["class"] == "LAMBDA" {
			params = append(slices.Clone(params), w.lambda(v["lhs"])...)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) { // sorted, so that faults come in the same order each time
			w.visit(v[key], params)
		}
	}
}

// enter checks one node and says whether to go below it.
func (w *walk) enter(class string, node map[string]any, params []string) bool {
	switch class {
	case "COLUMN_REF":
		w.column(node, params)
	case "FUNCTION":
		w.function(node)
	case "CONSTANT":
		return false
	case "CAST", "CASE", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "COLLATE", "LAMBDA", "TYPE":
	case "SUBQUERY":
		w.faultf("subqueries are not allowed: an expression sees one row")
		return false
	case "WINDOW":
		w.faultf("window functions are not allowed: an expression sees one row")
		return false
	case "PARAMETER":
		w.faultf("parameters ($1, ?) are not allowed")
	default:
		w.faultf("%s is not allowed here", strings.ToLower(strings.ReplaceAll(class, "_", " ")))
		return false
	}
	return true
}

func (w *walk) column(node map[string]any, params []string) {
	names, _ := node["column_names"].([]any)
	if len(names) == 0 {
		w.faultf("a column without a name")
		return
	}
	name, _ := names[0].(string)
	same := func(other string) bool { return strings.EqualFold(name, other) }
	if slices.ContainsFunc(params, same) {
		return
	}
	if i := slices.IndexFunc(w.columns, same); i >= 0 {
		if !slices.Contains(w.used, w.columns[i]) {
			w.used = append(w.used, w.columns[i])
		}
		return
	}
	if len(names) > 1 || !slices.ContainsFunc(clockValues, same) {
		w.faultf("%w", unknownColumn(name, w.columns))
	}
	w.clock = true
}

func (w *walk) function(node map[string]any) {
	name, _ := node["function_name"].(string)
	name = strings.ToLower(name)
	f, known := w.functions[name]
	w.clock = w.clock || f.clock
	switch {
	case !known && node["is_operator"] != true:
		w.faultf("there is no function %q%s", name, near(name, slices.Collect(maps.Keys(w.functions))))
	case known && !f.scalar:
		w.faultf("function %q is not allowed: an expression computes one value from one row, the same each time", name)
	case node["distinct"] == true || node["filter"] != nil:
		w.faultf("function %q: DISTINCT and FILTER are for aggregates, which are not allowed", name)
	}
}

// lambda returns the parameters that a lambda's left side declares. DuckDB's parser also takes JSON's
// -> operator for a lambda: there, the left side is a column.
func (w *walk) lambda(lhs any) []string {
	var names []string
	switch v := lhs.(type) {
	case []any:
		for _, item := range v {
			names = append(names, w.lambda(item)...)
		}
	case map[string]any:
		if parts, ok := v["column_names"].([]any); ok && len(parts) == 1 {
			name, _ := parts[0].(string)
			if !slices.ContainsFunc(w.columns, func(c string) bool { return strings.EqualFold(c, name) }) {
				names = append(names, name)
			}
		}
		names = append(names, w.lambda(v["children"])...)
	}
	return names
}
