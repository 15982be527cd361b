package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

const (
	sparkLake      = minimal + "lake: {kind: spark, url: 'http://spark:10001/cliservice', staging: /shared/staging}\n"
	databricksLake = minimal + "lake: {kind: databricks, warehouse: abc, staging: /Volumes/main/central/staging}\n"
)

// on is a directory with the given settings whose only sync is the given one, with a target.
func on(t *testing.T, settings, sync string) string {
	t.Helper()
	target := "target: {schema: central}\n"
	if settings == databricksLake {
		target = "target: {catalog: main, schema: central}\n"
	}
	return dir(t, map[string]string{"tributary.yaml": settings, "daily.yaml": target + sync})
}

func TestAfterAndMaintain(t *testing.T) {
	sync := loaded(t, on(t, databricksLake, `
tables: [{name: orders}, {name: lines, target: order_lines}]
retry: {attempts: 20}
timeouts: {step: 12h}
maintain:
  schedule: {cron: "0 5 * * 0", time_zone: Europe/Vienna}
  optimize: false
  retention: 30d
after:
  - {name: gold, job: 123456789012345, parameters: {date: "${date}", run: "${sync}/${run_id} of ${schema}"}, timeout: 30m}
  - {name: mail, job: 7, wait: false, after: [views, gold]}
  - {name: views, sql: ["REFRESH MATERIALIZED VIEW main.gold.sales"], needs: [Orders]}
`)).Syncs[0]
	require.Equal(t, []After{
		{Name: "gold", Job: 123456789012345, Parameters: map[string]string{"date": "${date}", "run": "${sync}/${run_id} of ${schema}"}, Wait: true, Timeout: 30 * time.Minute},
		{Name: "mail", Job: 7, Timeout: 2 * time.Hour, After: []string{"views", "gold"}},
		{Name: "views", SQL: []string{"REFRESH MATERIALIZED VIEW main.gold.sales"}, Timeout: 2 * time.Hour, Needs: []string{"orders"}},
	}, sync.After)
	require.Equal(t, Maintain{
		Schedule: Schedule{Cron: "0 5 * * 0", TimeZone: "Europe/Vienna", Overlap: OverlapSkip, CatchUp: 24 * time.Hour},
		Vacuum:   true, Retention: 720 * time.Hour, Staging: 21 * 12 * time.Hour,
	}, sync.Maintain, "a run may need what it staged for longer than a week")

	data, err := json.Marshal(sync)
	require.NoError(t, err)
	var read Sync
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, sync, read)
}

func TestLayout(t *testing.T) {
	tables := loaded(t, on(t, databricksLake, `
tables:
  - {name: a, layout: {partition_by: [region], zorder_by: [Customer]}}
  - {name: b, partition_by: [region]}
  - {name: c, layout: {cluster_by: [client_id, customer]}}
  - {name: d, layout: {zorder_by: [customer]}}
`)).Syncs[0].Tables
	type layout struct{ partition, cluster, zorder []string }
	var got []layout
	for _, spec := range tables {
		got = append(got, layout{spec.PartitionBy, spec.ClusterBy, spec.ZOrderBy})
	}
	require.Equal(t, []layout{
		{partition: []string{"region"}, zorder: []string{"Customer"}},
		{partition: []string{"region"}},
		{cluster: []string{"client_id", "customer"}},
		{partition: []string{table.RegionColumn, table.ClientColumn}, zorder: []string{"customer"}},
	}, got)
}

func TestErrAfterMaintainAndLayout(t *testing.T) {
	for name, c := range map[string]struct{ lake, text, says string }{
		"job on spark":             {sparkLake, "after: [{name: a, job: 1}]", "after[0].job: is a Databricks job, and the lake is of kind spark"},
		"sql on local":             {minimal, "after: [{name: a, sql: [select 1]}]", "after[0].sql: cannot be run: a local lake cannot run SQL after a sync"},
		"job and sql":              {databricksLake, "after: [{name: a, job: 1, sql: [select 1]}]", "after[0]: has both job and sql"},
		"neither":                  {databricksLake, "after: [{name: a}]", "after[0]: has neither job nor sql"},
		"no job's id":              {databricksLake, "after: [{name: a, job: 0}]", "after[0].job: is not the id of a job"},
		"a job's name":             {databricksLake, "after: [{name: a, job: nightly}]", "after[0].job: is text; write a whole number"},
		"no statement":             {sparkLake, "after: [{name: a, sql: []}]", "after[0].sql: has no statement"},
		"empty statement":          {sparkLake, "after: [{name: a, sql: [' ']}]", "after[0].sql[0]: is empty"},
		"statement is no list":     {sparkLake, "after: [{name: a, sql: select 1}]", "after[0].sql: is text; write a list"},
		"parameters of sql":        {sparkLake, "after: [{name: a, sql: [x], parameters: {p: x}}]", "after[0].parameters: has no meaning without a job"},
		"wait of sql":              {sparkLake, "after: [{name: a, sql: [x], wait: true}]", "after[0].wait: has no meaning without a job"},
		"placeholder":              {databricksLake, `after: [{name: a, job: 1, parameters: {p: "${client.id}"}}]`, "after[0].parameters.p: unknown placeholder ${client.id}; use ${sync}, ${schema}, ${run_id} or ${date}"},
		"timeout":                  {sparkLake, "after: [{name: a, sql: [x], timeout: 200h}]", "after[0].timeout: is not between 1s and 168h"},
		"no name":                  {sparkLake, "after: [{sql: [x]}]", "after[0].name: is missing"},
		"name":                     {sparkLake, "after: [{name: a/b, sql: [x]}]", `after[0].name: "a/b" cannot be the name of an entry`},
		"name twice":               {sparkLake, "after: [{name: a, sql: [x]}, {name: A, sql: [x]}]", `after[1].name: "A" is the name of after[0] already`},
		"unknown table":            {sparkLake, "after: [{name: a, sql: [x], needs: [order]}]", `after[0].needs[0]: "order" is not a central table of this sync; did you mean orders?`},
		"table twice":              {sparkLake, "after: [{name: a, sql: [x], needs: [orders, Orders]}]", `after[0].needs[1]: "Orders" is in the list already`},
		"unknown entry":            {sparkLake, "after: [{name: a, sql: [x], after: [gold]}]", `after[0].after[0]: there is no entry "gold"`},
		"itself":                   {sparkLake, "after: [{name: a, sql: [x], after: [a]}]", "after[0].after: goes in a circle: a → a"},
		"a circle":                 {sparkLake, "after: [{name: x, sql: [x], after: [a]}, {name: a, sql: [x], after: [b]}, {name: b, sql: [x], after: [a]}]", "after[1].after: goes in a circle: a → b → a"},
		"too many":                 {sparkLake, manyAfters(51), "after: has 51 entries; keep at most 50"},
		"too many statements":      {sparkLake, "after: [{name: a, sql: [" + strings.Repeat("x, ", 501) + "]}]", "after: has 501 statements in all; keep at most 500"},
		"retention":                {sparkLake, "maintain: {retention: 24h}", "maintain.retention: is shorter than 168h: Delta takes no less"},
		"retention of local":       {minimal, "maintain: {retention: 30m}", "maintain.retention: is shorter than 1h: a query or merge that runs longer would lose its files; write a longer time, or vacuum: false"},
		"retention without vacuum": {minimal, "maintain: {vacuum: false, retention: 200h}", "maintain.retention: has no meaning without vacuum"},
		"staging":                  {minimal, "maintain: {staging: 24h}", "maintain.staging: is shorter than 42h0m0s, for which a run may need what it staged"},
		"maintenance schedule":     {minimal, "maintain: {schedule: {cron: '@every 1h'}}", "maintain.schedule.cron: is an interval; write it as maintain.schedule.every"},
		"maintenance key":          {minimal, "maintain: {vacum: false}", "maintain.vacum: unknown key; did you mean vacuum?"},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, on(t, c.lake, "tables: [{name: orders}]\n"+c.text))
			require.Len(t, got, 1)
			require.Contains(t, got[0], "daily.yaml:3: ")
			require.Contains(t, got[0], c.says)
		})
	}
	for name, c := range map[string]struct{ lake, table, says string }{
		"partitioned twice":      {minimal, "partition_by: [region], layout: {partition_by: [region]}", "tables[0].partition_by: is given in layout too; keep one of the two"},
		"clustered on spark":     {sparkLake, "layout: {cluster_by: [a]}", "tables[0].layout.cluster_by: is Databricks' liquid clustering, and the lake is of kind spark; use partition_by and zorder_by"},
		"clustered on local":     {minimal, "layout: {cluster_by: [a]}", "and the lake is of kind local; use partition_by"},
		"both":                   {databricksLake, "layout: {cluster_by: [a], partition_by: [region]}", "tables[0].layout.cluster_by: and partition_by are both given"},
		"both, short":            {databricksLake, "layout: {cluster_by: [a]}, partition_by: [region]", "tables[0].layout.cluster_by: and partition_by are both given"},
		"many":                   {databricksLake, "layout: {cluster_by: [a, b, c, d, e]}", "tables[0].layout.cluster_by: has 5 columns; keep at most 4"},
		"clustered and ordered":  {databricksLake, "layout: {cluster_by: [a], zorder_by: [b]}", "tables[0].layout.zorder_by: cannot be used together with cluster_by"},
		"ordered on local":       {minimal, "layout: {zorder_by: [a]}", "tables[0].layout.zorder_by: cannot be done by a local lake; remove it"},
		"ordered by a partition": {sparkLake, "layout: {zorder_by: [Region]}", `tables[0].layout.zorder_by[0]: "Region" is a partition column`},
		"clustered by excluded":  {databricksLake, "exclude: [a], layout: {cluster_by: [a]}", `tables[0].layout.cluster_by[0]: "a" is excluded`},
		"ordered by old name":    {sparkLake, "rename: {a: b}, layout: {zorder_by: [a]}", `tables[0].layout.zorder_by[0]: "a" is renamed to "b"; use the new name`},
		"partitioned by unknown": {minimal, "columns: [id], layout: {partition_by: [a]}", `tables[0].layout.partition_by[0]: "a" is not in columns`},
		"column twice":           {databricksLake, "layout: {cluster_by: [a, A]}", `tables[0].layout.cluster_by[1]: "A" is in the list already`},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, on(t, c.lake, "tables:\n- {name: orders, "+c.table+"}"))
			require.Len(t, got, 1)
			require.Contains(t, got[0], "daily.yaml:3: ")
			require.Contains(t, got[0], c.says)
		})
	}
}

func manyAfters(n int) string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf("{name: a%d, sql: [x]}", i))
	}
	return "after: [" + strings.Join(entries, ", ") + "]"
}

func TestSecretScopesTakeDatabricks(t *testing.T) {
	const sync = `tables: [{name: a, transform: [{column: b, hash: sha256, salt: "databricks:pii/salt"}]}]`
	const registry = "clients: {url: 'https://h/', token: 'databricks:crm/token'}\n"
	loaded(t, on(t, databricksLake, sync))
	t.Setenv("TRIBUTARY_CLIENTS_FILE", "clients.yaml")
	t.Setenv("TRIBUTARY_CLIENTS_TOKEN", "databricks:crm/token")
	got := faults(t, on(t, sparkLake, sync))
	require.Len(t, got, 2)
	require.Contains(t, got[0], "daily.yaml:2: tables[0].transform[0].salt: is in a secret scope of Databricks, and the lake is of kind spark; use env:NAME or file:PATH")
	require.Contains(t, got[1], "environment: TRIBUTARY_CLIENTS_TOKEN: is in a secret scope of Databricks")
	t.Setenv("TRIBUTARY_CLIENTS_FILE", "")
	t.Setenv("TRIBUTARY_CLIENTS_TOKEN", "")
	got = faults(t, on(t, registry, "tables: [{name: a}]"))
	require.Len(t, got, 1)
	require.Contains(t, got[0], "tributary.yaml:1: clients.token: is in a secret scope of Databricks, and the lake is of kind local")
}

func TestErrCatalog(t *testing.T) {
	for lake, c := range map[string]struct{ target, says string }{
		minimal:        {"{catalog: main, schema: s}", "target.catalog: has no meaning: a local lake has no catalogs; remove it"},
		databricksLake: {"{schema: s}", "target.catalog: is missing, and central tables of Databricks are in a catalog of Unity Catalog"},
	} {
		got := faults(t, dir(t, map[string]string{"tributary.yaml": lake, "daily.yaml": "target: " + c.target + "\ntables: [{name: a}]"}))
		require.Len(t, got, 1)
		require.Contains(t, got[0], c.says)
	}
	for _, target := range []string{"{schema: s}", "{catalog: main, schema: s}"} {
		loaded(t, dir(t, map[string]string{"tributary.yaml": sparkLake, "daily.yaml": "target: " + target + "\ntables: [{name: a}]"}))
	}
}
