package sparksql

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

var dictionaryKey = regexp.MustCompile(`(?:^\{|",)"([\w.-]+)":"`)

// defaultPartitions keeps clients apart, so that their merges do not conflict.
var defaultPartitions = []string{table.RegionColumn, table.ClientColumn}

// Create implements lake.Lake. Every column is nullable: a client may lack it.
func (l *Lake) Create(ctx context.Context, def lake.Table) (created bool, err error) {
	name := tableName(def.Schema, def.Name)
	err = retry(ctx, func() error {
		l.forget(name)
		created, err = l.settle(ctx, def, []table.Batch{{Ref: table.Ref{Schema: def.Schema, Table: def.Name}, Schema: def.Columns}})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("create %s.%s: %w", def.Schema, def.Name, l.translate(ctx, err))
	}
	return created, nil
}

// settle makes the table fit for the batches: it is made when it is missing, and gets the columns that it lacks. One call at a
// time per table in this process; other processes are raced, and what they did first is taken as done.
func (l *Lake) settle(ctx context.Context, def lake.Table, batches []table.Batch) (created bool, err error) {
	name := tableName(def.Schema, def.Name)
	lock := l.known(name).ddl
	select {
	case lock <- struct{}{}:
		defer func() { <-lock }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	current, err := l.knownColumns(ctx, name)
	if err != nil {
		return false, err
	}
	if def.Columns, err = lake.Evolve(current, batches, widens); err != nil {
		return false, err
	}
	if current == nil {
		return true, l.createTable(ctx, def)
	}
	statements := alterations(name, current, def.Columns)
	if len(statements) > 0 {
		defer l.forget(name)
	}
	for _, text := range statements {
		if err := l.exec(ctx, statement{text: text}); is(err, existing) {
			return false, fmt.Errorf("%w: %w", errStale, err) // someone else was faster
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

// widens says which type of a column Delta can change to which: whatever holds its values exactly.
func widens(from, to table.Type) bool { return from.Fits(to) }

// Widens implements lake.Widener.
func (l *Lake) Widens(from, to table.Type) bool { return widens(from, to) }

func (l *Lake) createTable(ctx context.Context, def lake.Table) error {
	for _, name := range slices.Concat(def.PartitionBy, def.ClusterBy) {
		if def.Columns.Find(name) < 0 {
			return fmt.Errorf("%w: table %s.%s has no column %q to be laid out by", lake.ErrSchema, def.Schema, def.Name, name)
		}
	}
	text, err := l.dialect.createTable(def)
	if err != nil {
		return err
	}
	err = l.exec(ctx, statement{text: text})
	if is(err, missingSchemas) {
		if err = l.exec(ctx, statement{text: "CREATE SCHEMA IF NOT EXISTS " + schemaName(def.Schema)}); err == nil {
			err = l.exec(ctx, statement{text: text})
		}
	}
	if is(err, existing) {
		return fmt.Errorf("%w: %w", errStale, err) // someone else is making it
	}
	return err
}

// createTable is the statement that makes a table, if it is still missing.
func (d dialect) createTable(def lake.Table) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (%s) USING DELTA", tableName(def.Schema, def.Name), columnDefinitions(def.Columns))
	properties := maps.Clone(def.Properties)
	if properties == nil {
		properties = map[string]string{}
	}
	switch {
	case len(def.ClusterBy) > 0 && !d.liquid:
		return "", fmt.Errorf("%w: %s has no liquid clustering: use partition_by instead of cluster_by", lake.ErrSchema, d.name)
	case len(def.ClusterBy) > 0:
		fmt.Fprintf(&b, " CLUSTER BY (%s)", quoteAll(def.ClusterBy))
		properties["delta.enableDeletionVectors"] = "true" // with them, merges conflict by row and not by file
	default:
		if def.PartitionBy == nil {
			def.PartitionBy = defaultPartitions
		}
		if len(def.PartitionBy) > 0 {
			fmt.Fprintf(&b, " PARTITIONED BY (%s)", quoteAll(def.PartitionBy))
		}
	}
	if def.Comment != "" {
		b.WriteString(" COMMENT " + literal(def.Comment))
	}
	if hasOddNames(def.Columns) {
		properties[columnMapping] = "name"
	}
	if len(properties) > 0 {
		b.WriteString(" TBLPROPERTIES (" + propertyList(properties) + ")")
	}
	return b.String(), nil
}

const columnMapping = "delta.columnMapping.mode"

// hasOddNames says whether a column has a name that Parquet, and so a table without column mapping, cannot have.
func hasOddNames(columns table.Schema) bool {
	return slices.ContainsFunc(columns, func(c table.Column) bool { return strings.ContainsAny(c.Name, " ,;{}()\n\t=") })
}

func columnDefinitions(columns table.Schema) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = quote(c.Name) + " " + sqlType(c.Type)
		if c.Comment != "" {
			all[i] += " COMMENT " + literal(c.Comment)
		}
	}
	return strings.Join(all, ", ")
}

func propertyList(properties map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		all = append(all, literal(key)+" = "+literal(properties[key]))
	}
	return strings.Join(all, ", ")
}

// alterations are the statements that make a table of one schema one of another, which has the same columns and more.
func alterations(name string, current, wanted table.Schema) []string {
	var all []string
	if added := wanted[len(current):]; len(added) > 0 {
		if hasOddNames(added) && !hasOddNames(current) { // raises the table's protocol to reader 2 and writer 5
			all = append(all, fmt.Sprintf("ALTER TABLE %s SET TBLPROPERTIES (%s = 'name')", name, literal(columnMapping)))
		}
		all = append(all, fmt.Sprintf("ALTER TABLE %s ADD COLUMNS (%s)", name, columnDefinitions(added)))
	}
	for i, column := range current {
		if wanted[i].Type == column.Type {
			continue
		}
		if !slices.Contains(all, enableWidening(name)) {
			all = append(all, enableWidening(name))
		}
		all = append(all, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", name, quote(column.Name), sqlType(wanted[i].Type)))
	}
	return all
}

// enableWidening raises the table's protocol to reader 3 and writer 7.
func enableWidening(name string) string {
	return "ALTER TABLE " + name + " SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')"
}
