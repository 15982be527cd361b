package lake

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tributary/internal/table"
)

// KeepsVersions says whether batches of one commit go into a table of versions.
func KeepsVersions(batches []table.Batch) bool { return batches[0].History == table.HistoryOnly }

// withVersions gives the batches of a table of versions its columns, and refuses batches of the other kind of table: latest
// rows would overwrite every version of a row, and versions cannot be told apart among latest rows.
func withVersions(current table.Schema, batches []table.Batch) ([]table.Batch, error) {
	all := slices.Clone(batches)
	for b, batch := range batches {
		every, there, theirs := len(table.Versions()), versionColumns(current), versionColumns(batch.Schema)
		switch {
		case batch.History == "" && there == every && theirs < every:
			return nil, Misfit(batch, "the table keeps versions of its rows, and the sync brings the latest rows alone: set history to only, or choose another target")
		case batch.History == "":
		case theirs > 0:
			return nil, Misfit(batch, "a column has one of the names %s, which a table of versions needs for itself: rename it", strings.Join(table.Versions().Names(), ", "))
		case current != nil && there < every:
			return nil, Misfit(batch, "the table has the latest rows alone, and history needs one of its own: move the table away, or choose another target")
		case batch.History != table.HistoryOnly:
			return nil, fmt.Errorf("merge into %s.%s: a batch with history %q goes in two parts: see table.Batch.Parts", batch.Ref.Schema, batch.Ref.Table, batch.History)
		case batch.ReadAt.IsZero():
			return nil, Incomplete(batch, "it does not say when it was read, stage it again")
		default:
			all[b].Schema = batch.Schema.WithVersions()
		}
	}
	return all, nil
}

// versionColumns counts the columns of versions that a schema has.
func versionColumns(schema table.Schema) (n int) {
	for _, c := range table.Versions() {
		if schema.Find(c.Name) >= 0 {
			n++
		}
	}
	return n
}

// ComparedColumns are the columns in which a staged row may differ from the table's: neither keys nor those of versions.
func ComparedColumns(columns table.Schema, keys []string, history bool) []string {
	return slices.DeleteFunc(columns.Names(), func(name string) bool {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		return slices.ContainsFunc(keys, same) || history && slices.ContainsFunc(table.Versions().Names(), same)
	})
}

// TimeCursor is the cursor's column, where its values are times, quoted; else "".
func TimeCursor(columns table.Schema, cursor, quote string) string {
	if i := columns.Find(cursor); cursor != "" && i >= 0 && columns[i].Type == table.Timestamp {
		return table.Quote(columns[i].Name, quote)
	}
	return ""
}

// VersionEnd is when a version that began at from ends, because of a change with the given time cursor ("" for none, which may be NULL) that was
// read at readAt: at the cursor, which is when the source changed the row. A cursor that is not after the version's begin tells no time: then
// it is when the change was seen, and at the least a microsecond after, so that a version is never empty.
// It is SQL that DuckDB and Spark read alike, as is VersionStart.
func VersionEnd(cursor, readAt, from string) string {
	seen := fmt.Sprintf("WHEN %s > %s THEN %[1]s ELSE %[2]s + INTERVAL 1 MICROSECOND END", readAt, from)
	if cursor == "" {
		return "CASE " + seen
	}
	return fmt.Sprintf("CASE WHEN %s > %s THEN %[1]s %[3]s", cursor, from, seen)
}

// VersionStart is when a row's version begins that has none before it which is valid: at the time cursor, or when it was read. gone is when the row's
// last version ended, NULL where there is none: then the row is back only if it was changed or read after that, and else the result
// is NULL: what is older says nothing new.
func VersionStart(cursor, readAt, gone string) string {
	if cursor == "" {
		return fmt.Sprintf("CASE WHEN %s IS NULL OR %s > %[1]s THEN %[2]s END", gone, readAt)
	}
	return fmt.Sprintf("CASE WHEN %s IS NULL THEN coalesce(%s, %s) WHEN %[2]s >= %[1]s THEN %[2]s WHEN %[3]s > %[1]s THEN %[3]s END", gone, cursor, readAt)
}

// ReadAt is the literal of a batch's ReadAt, given the lake's word for timestamps.
func ReadAt(batch table.Batch, word string) string {
	return word + " " + table.Literal(batch.ReadAt.UTC().Truncate(time.Microsecond).Format("2006-01-02 15:04:05.000000+00:00"))
}

func withoutVersions(schema table.Schema) table.Schema {
	return slices.DeleteFunc(slices.Clone(schema), func(c table.Column) bool { return table.Versions().Find(c.Name) >= 0 })
}

// OtherKind says whether a table of those columns has the latest rows where versions of rows with those columns are wanted, or the other way
// round: a merge is then refused.
func OtherKind(now, columns table.Schema, versions bool) bool {
	every := len(table.Versions())
	has := versionColumns(now) == every
	return has != versions && (versions || versionColumns(columns) < every)
}

// otherKind reports that.
func (d *differ) otherKind(now table.Schema) bool {
	words := map[bool]string{true: "versions", false: "the latest rows"}
	for _, want := range d.wants {
		if OtherKind(now, want.Columns, want.Versions) {
			d.add(Difference{Subject: SubjectHistory, Lake: words[!want.Versions], Source: words[want.Versions], Clients: want.Clients, Effect: EffectFails})
			return true
		}
	}
	return false
}
