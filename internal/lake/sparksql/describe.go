package sparksql

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Describe implements lake.Lake.
func (l *Lake) Describe(ctx context.Context, schema, name string) (lake.Table, error) {
	t, err := l.describe(ctx, schema, name)
	if err != nil {
		return lake.Table{}, fmt.Errorf("table %s.%s: %w", schema, name, l.translate(ctx, err))
	}
	return t, nil
}

func (l *Lake) describe(ctx context.Context, schema, name string) (lake.Table, error) {
	t := lake.Table{Schema: schema, Name: name}
	var err error
	if t.Columns, _, err = l.definition(ctx, tableName(schema, name)); err != nil {
		return t, err
	}
	details, err := l.maps(ctx, describeDetail(tableName(schema, name)))
	if err != nil {
		return t, err
	}
	if len(details) != 1 || !strings.EqualFold(text(details[0]["format"]), "delta") {
		return t, fmt.Errorf("%w: it is no Delta table", lake.ErrSchema)
	}
	d := details[0]
	t.Comment, t.Files, t.Bytes = text(d["description"]), int(integer(d["numFiles"])), integer(d["sizeInBytes"])
	t.PartitionBy, t.ClusterBy = list(d["partitionColumns"]), list(d["clusteringColumns"])
	t.Properties = dictionary(text(d["properties"]))
	commits, err := l.history(ctx, schema, name, 1)
	if err != nil {
		return t, err
	}
	if len(commits) > 0 {
		t.Version = commits[0].Version
	}
	return t, l.each(ctx, statement{text: "SELECT count(*) FROM " + tableName(schema, name)}, func(values []any) error {
		t.Rows = integer(values[0])
		return nil
	})
}

// idsProperty finds lake.IDsProperty among a table's properties as DESCRIBE TABLE writes them: [key=value,key=value]. Its value has
// neither commas nor brackets.
var idsProperty = regexp.MustCompile(`[\[,]` + regexp.QuoteMeta(lake.IDsProperty) + `=([^,\]]*)[,\]]`)

// definition reads a table's columns and its lake.IDsProperty. DESCRIBE TABLE lists the columns first, and all else after an empty or # line.
func (l *Lake) definition(ctx context.Context, quotedName string) (columns table.Schema, ids string, err error) {
	lines, err := l.maps(ctx, describeColumns(quotedName))
	if err != nil {
		return nil, "", err
	}
	inColumns := true
	for _, line := range lines {
		name := text(line["col_name"])
		inColumns = inColumns && name != "" && (!strings.HasPrefix(name, "# ") || text(line["data_type"]) != "")
		if inColumns {
			columns = append(columns, table.Column{
				Name: name, Type: centralType(text(line["data_type"])), Nullable: true, Comment: text(line["comment"]),
			})
		} else if found := idsProperty.FindStringSubmatch(text(line["data_type"])); name == "Table Properties" && found != nil {
			ids = found[1]
		}
	}
	return columns, ids, nil
}

func describeColumns(quotedName string) string { return "DESCRIBE TABLE EXTENDED " + quotedName }

func describeDetail(quotedName string) string { return "DESCRIBE DETAIL " + quotedName }

func showTables(schema string) string { return "SHOW TABLES IN " + schemaName(schema) }

// describeHistory asks for the newest commits; limit 0 means all.
func describeHistory(schema, name string, limit int) string {
	query := "DESCRIBE HISTORY " + tableName(schema, name)
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	return query
}

// list reads an array, which the driver returns as JSON.
func list(value any) []string {
	var all []string
	_ = json.Unmarshal([]byte(text(value)), &all) // of a form that is not known: nothing
	return all
}

// Tables implements lake.Lake.
func (l *Lake) Tables(ctx context.Context, schema string) ([]string, error) {
	lines, err := l.maps(ctx, showTables(schema))
	if is(err, missingSchemas) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tables of %s: %w", schema, l.translate(ctx, err))
	}
	var names []string
	for _, line := range lines {
		if line["isTemporary"] != true {
			names = append(names, text(line["tableName"]))
		}
	}
	slices.Sort(names)
	return names, nil
}

// knownTable is what this process knows of a central table: it saves a statement per merge.
type knownTable struct {
	ddl     chan struct{} // held while this process changes the table's definition
	columns table.Schema  // nil: not known
	ids     string        // the table's lake.IDsProperty, as of when the columns were read
	learned time.Time     // when the columns were read
}

// trustColumns is how long a table's columns are taken to be as they were: should someone replace the table by one with other types, Spark
// casts what is merged to them, and not every cast that it makes keeps the value.
const trustColumns = 30 * time.Second

func (l *Lake) known(quotedName string) *knownTable {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.tables[quotedName]
	if !ok {
		t = &knownTable{ddl: make(chan struct{}, 1)}
		l.tables[quotedName] = t
	}
	return t
}

// knownColumns returns a table's columns; none when it does not exist.
func (l *Lake) knownColumns(ctx context.Context, quotedName string) (table.Schema, error) {
	columns, _, err := l.knownDefinition(ctx, quotedName)
	return columns, err
}

// knownDefinition returns a table's columns and its lake.IDsProperty; none when it does not exist.
func (l *Lake) knownDefinition(ctx context.Context, quotedName string) (table.Schema, string, error) {
	t := l.known(quotedName)
	l.mu.Lock()
	columns, ids, learned := t.columns, t.ids, t.learned
	l.mu.Unlock()
	if columns != nil && time.Since(learned) < trustColumns {
		return columns, ids, nil
	}
	columns, ids, err := l.definition(ctx, quotedName)
	if is(err, missingTables) || is(err, missingSchemas) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	l.learn(quotedName, columns, ids)
	return columns, ids, nil
}

func (l *Lake) learn(quotedName string, columns table.Schema, ids string) {
	t := l.known(quotedName)
	l.mu.Lock()
	defer l.mu.Unlock()
	t.columns, t.ids, t.learned = columns, ids, time.Now()
}

// forget makes the next merge read the table's columns again.
func (l *Lake) forget(quotedName string) { l.learn(quotedName, nil, "") }

// History implements lake.Lake.
func (l *Lake) History(ctx context.Context, schema, name string, limit int) ([]lake.Commit, error) {
	commits, err := l.history(ctx, schema, name, limit)
	if err != nil {
		return nil, fmt.Errorf("history of %s.%s: %w", schema, name, l.translate(ctx, err))
	}
	return commits, nil
}

func (l *Lake) history(ctx context.Context, schema, name string, limit int) ([]lake.Commit, error) {
	lines, err := l.maps(ctx, describeHistory(schema, name, limit))
	if err != nil {
		return nil, err
	}
	commits := make([]lake.Commit, len(lines))
	for i, line := range lines {
		commits[i] = lake.Commit{
			Version: integer(line["version"]), Time: instant(line["timestamp"]), Operation: text(line["operation"]),
			Parameters: dictionary(text(line["operationParameters"])), Metrics: dictionary(text(line["operationMetrics"])),
		}
	}
	return commits, nil
}

// dictionary reads a map as the driver returns it: JSON, but with the quotes within its texts as they are.
func dictionary(written string) map[string]string {
	all := map[string]string{}
	if json.Unmarshal([]byte(written), &all) == nil {
		if len(all) == 0 {
			return nil
		}
		return all
	}
	keys := dictionaryKey.FindAllStringSubmatchIndex(written, -1)
	for i, key := range keys {
		end := strings.LastIndex(written, `"`)
		if i+1 < len(keys) {
			end = keys[i+1][0]
		}
		if end >= key[1] {
			all[written[key[2]:key[3]]] = written[key[1]:end]
		}
	}
	return all
}
