package sparksql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// clientBatch is a batch of orders as Transform stages them.
func clientBatch(region, client string, set ...func(*table.Batch)) table.Batch {
	b := table.Batch{
		ID: "run/1", Ref: table.Ref{Sync: "daily", Client: client, Region: region, Schema: "main.central", Table: "orders"}, Keys: []string{"id"}, Rows: 10,
		Schema: table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.String}, {Name: "client_id", Type: table.String}, {Name: "region", Type: table.String}},
		Files:  []table.File{{Path: "/staging/b" + client + "/00000.parquet", Rows: 10}},
	}
	for _, change := range set {
		change(&b)
	}
	return b
}

// mergeOf is the merge of batches into a table, after its staged rows were counted: as many as the batches say, without duplicates, with ids
// from 1 to 10.
func mergeOf(t *testing.T, d dialect, columns table.Schema, batches ...table.Batch) *merge {
	t.Helper()
	m := newMerge(&Lake{dialect: d}, batches)
	require.NoError(t, m.checkSchemas())
	m.columns = columns
	for _, b := range batches {
		m.facts = append(m.facts, facts{rows: b.Rows, distinct: b.Rows, low: "1", high: "10"})
	}
	return m
}

func withColumn(name string, kind table.Type) func(*table.Batch) {
	return func(b *table.Batch) {
		b.Schema = slices.Insert(slices.Clone(b.Schema), 2, table.Column{Name: name, Type: kind})
	}
}

func readUntil(high string) func(*table.Batch) {
	return func(b *table.Batch) {
		b.Window, b.NewerBelow = table.Window{Kind: table.CursorTime, High: high}, high
	}
}

func reloads(b *table.Batch) { b.Reload = true }

func keeps(b *table.Batch) {
	b.Reload, b.Kept = true, []table.File{{Path: "/staging/kept/00000.parquet", Rows: 2}, {Path: "/staging/kept/00001.parquet", Rows: 1}}
}

func versions(b *table.Batch) {
	b.History, b.ReadAt = table.HistoryOnly, time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)
}

func readLater(b *table.Batch) { b.ReadAt = b.ReadAt.Add(time.Hour) }

func TestGoldenMerge(t *testing.T) {
	plain := clientBatch("eu", "acme").Schema
	timed := func(b *table.Batch) { withColumn("updated", table.Timestamp)(b); b.Cursor = "updated" }
	deletes := func(b *table.Batch) { withColumn("gone", table.Integer)(b); b.Deleted = "gone" }
	odd := func(b *table.Batch) {
		b.Schema[0].Name, b.Schema[1].Name, b.Keys = "a`b", "two words", []string{"a`b"}
	}
	for name, c := range map[string]struct {
		columns table.Schema
		batches []table.Batch
		facts   func(f []facts)
	}{
		"merge":        {plain, []table.Batch{clientBatch("eu", "acme")}, nil},
		"merge_cursor": {clientBatch("eu", "acme", timed).Schema, []table.Batch{clientBatch("eu", "acme", timed)}, nil},
		"merge_read_later": {clientBatch("eu", "acme", timed).Schema, []table.Batch{
			clientBatch("eu", "acme", timed, readUntil("2026-01-02 03:04:05.678900")), clientBatch("us", "globex", timed, readUntil("2026-01-02 03:04:05.000000")),
			clientBatch("us", "o'neil", timed), // a backfill, which is newer than nothing and takes no other's bound away
		}, nil},
		"merge_soft_delete": {clientBatch("eu", "acme", deletes).Schema, []table.Batch{clientBatch("eu", "acme", deletes)}, nil},
		"merge_reload":      {plain, []table.Batch{clientBatch("eu", "acme", reloads), clientBatch("eu", "o'neil", reloads), clientBatch("us", "globex")}, nil},
		"merge_reload_kept": {plain, []table.Batch{clientBatch("eu", "acme", keeps)}, nil},
		"merge_reconcile": {clientBatch("eu", "acme", timed).Schema, []table.Batch{clientBatch("eu", "acme", timed, keeps, func(b *table.Batch) {
			b.Window, b.ReloadBelow = table.Window{Kind: table.CursorTime}, "2026-01-02 03:04:05.678900"
		})}, nil},
		"merge_empty_reload": {plain, []table.Batch{clientBatch("eu", "acme", reloads, func(b *table.Batch) { b.Files, b.Rows = nil, 0 })}, func(f []facts) { f[0] = facts{} }},
		"merge_duplicates":   {clientBatch("eu", "acme", timed).Schema, []table.Batch{clientBatch("eu", "acme", timed)}, func(f []facts) { f[0].distinct = 7 }},
		"merge_versions": {clientBatch("eu", "acme", timed, deletes).Schema.WithVersions(), []table.Batch{
			clientBatch("eu", "acme", timed, deletes, versions), clientBatch("us", "o'neil", timed, deletes, versions, readLater),
		}, nil},
		"merge_versions_reload": {plain.WithVersions(), []table.Batch{clientBatch("eu", "acme", keeps, versions)}, nil},
		"merge_odd_names":       {clientBatch("eu", "acme", odd).Schema, []table.Batch{clientBatch("eu", "acme", odd)}, nil},
		"merge_unlike_schemas": {clientBatch("eu", "acme", withColumn("n", table.Decimal(20, 0))).Schema, []table.Batch{
			clientBatch("eu", "acme"), clientBatch("eu", "globex", withColumn("n", table.Integer)), clientBatch("us", "initech"),
			clientBatch("us", "hooli", withColumn("N", table.Decimal(20, 0))),
		}, nil},
		"merge_ids_only": {table.Schema{plain[0], plain[2], plain[3]}, []table.Batch{clientBatch("eu", "acme", func(b *table.Batch) { b.Schema = table.Schema{plain[0], plain[2], plain[3]} })}, nil},
	} {
		golden(t, name, func(d dialect) []statement {
			m := mergeOf(t, d, c.columns, c.batches...)
			if c.facts != nil {
				c.facts(m.facts)
			}
			return texts(slices.DeleteFunc([]string{m.keptQuery(), m.checkQuery(), gone(m), m.statement(), m.changesQuery(6)}, func(s string) bool { return s == "" })...)
		})
	}
}

// TestTenantsAmongTheIDsAreThereOnce has a primary key with client_id and region: a relation with a column twice cannot be read by its name.
func TestTenantsAmongTheIDsAreThereOnce(t *testing.T) {
	for name, set := range map[string]func(*table.Batch){"latest": func(*table.Batch) {}, "versions": versions} {
		batch := clientBatch("eu", "acme", keeps, set)
		columns := batch.Schema
		if batch.History != "" {
			columns = columns.WithVersions()
		}
		want := mergeOf(t, sparkDialect, columns, batch)
		batch.Keys = []string{"Client_ID", "id", "region"}
		got := mergeOf(t, sparkDialect, columns, batch)
		require.Equal(t, want.statement(), got.statement(), name)
		require.Equal(t, want.changesQuery(1), got.changesQuery(1), name)
		require.Equal(t, want.checkQuery(), got.checkQuery(), name)
		require.Equal(t, want.keptQuery(), got.keptQuery(), name)
	}
}

// TestEveryClientHasItsOwnBound reads what a MERGE updates: a row that was read later is newer by the bound of its own client.
func TestEveryClientHasItsOwnBound(t *testing.T) {
	timed := func(b *table.Batch) { withColumn("updated", table.Timestamp)(b); b.Cursor = "updated" }
	latest := []table.Batch{
		clientBatch("us", "backfill", timed), clientBatch("eu", "acme", timed, readUntil("2026-01-02 03:04:05.678900")),
		clientBatch("us", "globex", timed, readUntil("2026-01-01 00:00:00.000000")),
	}
	kept := slices.Clone(latest)
	for b := range kept {
		versions(&kept[b])
		kept[b].Schema = kept[b].Schema.WithVersions()
	}
	for name, batches := range map[string][]table.Batch{"latest": latest, "versions": kept} {
		m := mergeOf(t, sparkDialect, batches[0].Schema, batches...)
		for _, text := range []string{m.statement(), m.changesQuery(1)} {
			for _, bound := range []string{
				"t.`region` = 'eu' AND t.`client_id` = 'acme' AND coalesce(TRY_CAST(t.`updated` AS TIMESTAMP) < CAST('2026-01-02 03:04:05.678900+00:00' AS TIMESTAMP), false)",
				"t.`region` = 'us' AND t.`client_id` = 'globex' AND coalesce(TRY_CAST(t.`updated` AS TIMESTAMP) < CAST('2026-01-01 00:00:00.000000+00:00' AS TIMESTAMP), false)",
			} {
				require.Contains(t, text, " OR "+bound, name)
			}
			require.NotContains(t, text, "'backfill' AND coalesce", name)
		}
	}
}

// gone are the statements that count what a reload will delete: those of a guarded one, when much will go.
func gone(m *merge) string {
	if m.reloads() == "" {
		return ""
	}
	counts := make([]int64, len(m.batches))
	for b := range m.batches {
		m.batches[b].MaxDeleteShare, counts[b] = 0.5, 101
	}
	return m.goneQuery() + ";\n\n" + m.guardQuery(counts)
}

// TestReloadsDeleteRowsOfTheirClientsOnly reads the DELETE of a reload: each of its alternatives must name the region and the client of one
// batch that is reloaded, and nothing else may be deleted.
func TestReloadsDeleteRowsOfTheirClientsOnly(t *testing.T) {
	batches := []table.Batch{
		clientBatch("eu", "acme", reloads), clientBatch("eu", "globex"), clientBatch("us", "acme", keeps), clientBatch("us", `o'neil\`, reloads), clientBatch("eu", "%s%[1]s", reloads),
	}
	want := []string{
		"t.`region` = 'eu' AND t.`client_id` = 'acme'", "t.`region` = 'us' AND t.`client_id` = 'acme'",
		`t.` + "`region` = 'us' AND t.`client_id` = 'o\\'neil\\\\'", "t.`region` = 'eu' AND t.`client_id` = '%s%[1]s'",
	}
	clause := regexp.MustCompile(` LEFT ANTI JOIN (\S+) AS s ON (.*) LEFT ANTI JOIN (\S+) AS s ON (.*) WHERE \((.*)\) AND (\(SELECT count\(\*\) FROM \S+\) = \d+ .*)`)
	for _, d := range []dialect{sparkDialect, databricksDialect} {
		m := mergeOf(t, d, batches[0].Schema, batches...)
		found := clause.FindStringSubmatch(m.statement())
		require.NotNil(t, found, m.statement())
		const same = "t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`"
		require.Equal(t, []string{"`__tributary_source`", same, "`__tributary_kept`", same}, found[1:5], "its rows that neither the source nor what is kept has")
		require.Equal(t, want, strings.Split(found[5], " OR "))
		require.Equal(t, "(SELECT count(*) FROM `__tributary_staged`) = 50 AND (SELECT count(*) FROM `__tributary_kept`) = 3 AND "+
			"t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL", found[6], "only while all is there that was staged")
		require.Contains(t, m.changesQuery(1), found[0]+" GROUP BY", "what is counted is what is deleted")
		require.Contains(t, m.goneQuery(), found[0]+" GROUP BY", "and what is guarded")
		require.NotContains(t, m.statement(), "BY SOURCE")

		m.gone = []int64{0, 0, 0, 5, 0}
		require.Contains(t, m.statement(), "WHERE ("+want[2]+") AND", "those that miss nothing delete nothing")
		require.NotContains(t, m.statement(), "__tributary_kept")

		none := mergeOf(t, d, batches[0].Schema, batches[1])
		require.NotContains(t, none.statement(), "DELETE")
		require.NotContains(t, none.statement(), "true AS `__tributary_deleted`")
	}
}

// TestEveryMergeIsBoundByItsTenants reads the ON clause: rows of tenants that are not in the merge are not even looked at, and a row
// matches only one of its own tenant.
func TestEveryMergeIsBoundByItsTenants(t *testing.T) {
	batches := []table.Batch{clientBatch("eu", "acme", reloads), clientBatch("us", "o'neil")}
	statement := mergeOf(t, sparkDialect, batches[0].Schema, batches...).statement()
	on := regexp.MustCompile(`\nON (.*)\n`).FindStringSubmatch(statement)
	require.NotNil(t, on, statement)
	conditions := strings.Split(on[1], " AND ")
	require.Contains(t, conditions, "t.`region` IN ('eu', 'us')")
	require.Contains(t, conditions, "t.`client_id` IN ('acme', 'o\\'neil')")
	for _, key := range []string{"id", "region", "client_id"} {
		require.Contains(t, conditions, fmt.Sprintf("t.`%s` = s.`%[1]s`", key))
	}
	require.NotContains(t, on[1], " OR ")
}
