package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestTable(t *testing.T) {
	const text = `
target: {schema: central}
tables:
  - name: orders
    target: Bestellungen
    ids: [id]
    cursor: updated_at
    overlap: 1000
    columns: [id, updated_at, Kunde, mail, gone]
    where: "status <> ';'"
    rename: {Kunde: customer, mail: Email}
    fill: {source: "${client.id} in ${client.region}, ${client.database}"}
    transform:
      - {column: email, hash: sha256, salt: "file:/run/secrets/salt"}
      - {column: customer, mask: last4}
      - {column: source, sql: upper(source)}
    expect: [{name: r, that: "id > 0", otherwise: fail}]
    deletes: {column: gone, reconcile: true, max_share: 0.1}
    review: false
    on_null_cursor: fail
    zero_dates: null
    tinyint1: boolean
    types: {Kunde: string, gone: Boolean, id: "DECIMAL(20, 0)"}
    datetime_zone: Europe/Vienna
    drift: ignore
    partition_by: [client_id, customer]
    properties: {delta.logRetentionDuration: interval 30 days, team: "7"}
`
	require.Equal(t, []table.Spec{{
		Name: "orders", Target: "Bestellungen", IDs: []string{"id"}, Cursor: "updated_at", Columns: []string{"id", "updated_at", "Kunde", "mail", "gone"},
		Where: "status <> ';'", Rename: map[string]string{"Kunde": "customer", "mail": "Email"}, Fill: map[string]string{"source": "${client.id} in ${client.region}, ${client.database}"},
		Transform: []table.Transform{{Column: "email", Hash: "sha256", Salt: "file:/run/secrets/salt"}, {Column: "customer", Mask: "last4"}, {Column: "source", SQL: "upper(source)"}},
		Expect:    []table.Rule{{Name: "r", That: "id > 0", Otherwise: "fail"}}, Deletes: table.Deletes{Column: "gone", Reconcile: true, MaxShare: 0.1},
		OnNullCursor: "fail", Overlap: 10 * time.Minute, OverlapRows: 1000, ZeroDates: "null", TinyInt1: "boolean", Types: map[string]table.Type{"Kunde": table.String, "gone": table.Boolean, "id": table.Decimal(20, 0)}, DatetimeZone: "Europe/Vienna",
		Drift: "ignore", PartitionBy: []string{"client_id", "customer"},
		Properties: map[string]string{"delta.logRetentionDuration": "interval 30 days", "team": "7"},
	}}, loaded(t, daily(t, text)).Syncs[0].Tables)
}

func TestOverlap(t *testing.T) {
	for written, want := range map[string]struct {
		time time.Duration
		rows int64
	}{"5m": {5 * time.Minute, 1000}, "0": {0, 0}, "0s": {0, 1000}, "1d12h": {36 * time.Hour, 1000}, "20": {10 * time.Minute, 20}} {
		got := loaded(t, daily(t, "target: {schema: s}\ntables: [{name: a, cursor: c, overlap: "+written+"}]")).Syncs[0].Tables[0]
		require.Equal(t, want.time, got.Overlap, written)
		require.Equal(t, want.rows, got.OverlapRows, written)
	}
}

func TestMaxShare(t *testing.T) {
	for written, want := range map[string]float64{"": 0.5, ", deletes: {reconcile: true}": 0.5, ", deletes: {max_share: 1}": 1, ", deletes: {max_share: 0.01}": 0.01} {
		got := loaded(t, daily(t, "target: {schema: s}\ntables: [{name: a, cursor: c"+written+"}]")).Syncs[0].Tables[0]
		require.InDelta(t, want, got.Deletes.MaxShare, 0, written)
	}
}

func TestErrTable(t *testing.T) {
	for name, c := range map[string]struct{ table, says string }{
		"central name":            {`{name: "a b"}`, `tables[0].name: "a b" cannot be the name of a central table too; add a target`},
		"target":                  {`{name: a, target: x/y}`, `tables[0].target: "x/y" cannot be the name of a central table`},
		"our own log":             {`{name: a, target: Sync_Log}`, "the name of Tributary's own log"},
		"id is excluded":          {`{name: a, ids: [id], exclude: [ID]}`, `tables[0].ids[0]: "id" is excluded`},
		"cursor is excluded":      {`{name: a, cursor: u, exclude: [u]}`, `tables[0].cursor: "u" is excluded`},
		"cursor is not read":      {`{name: a, cursor: u, columns: [id]}`, `tables[0].cursor: "u" is not in columns`},
		"delete mark is excluded": {`{name: a, deletes: {column: d}, exclude: [d]}`, `tables[0].deletes.column: "d" is excluded`},
		"nothing to reconcile":    {`{name: a, deletes: {reconcile: true}}`, "tables[0].deletes.reconcile: has no meaning without a cursor: every run is a full reload"},
		"no share":                {`{name: a, deletes: {max_share: 0}}`, "tables[0].deletes.max_share: is no share of the rows; write a number above 0 and up to 1"},
		"negative share":          {`{name: a, deletes: {max_share: -0.1}}`, "tables[0].deletes.max_share: is no share"},
		"share of percents":       {`{name: a, deletes: {max_share: 10}}`, "such as 0.1 for a tenth"},
		"share that is none":      {`{name: a, deletes: {max_share: .nan}}`, "tables[0].deletes.max_share: is no share"},
		"share in quotes":         {`{name: a, deletes: {max_share: "0.1"}}`, "tables[0].deletes.max_share: is no share"},
		"column twice":            {`{name: a, columns: [id, Id]}`, `tables[0].columns[1]: "Id" is in the list already`},
		"rename onto a column":    {`{name: a, columns: [b, c], rename: {b: C}}`, `would both be called "C"`},
		"rename onto the id":      {`{name: a, ids: [id], rename: {nr: id}}`, `tables[0].rename.nr: "nr" and "id" would both be called "id"`},
		"rename of no column":     {`{name: a, columns: [b], rename: {c: d}}`, `tables[0].rename.c: "c" is not in columns`},
		"rename in two cases":     {`{name: a, rename: {b: x, B: y}}`, "is renamed twice"},
		"rename to ours":          {`{name: a, rename: {mandant: Client_ID}}`, "client_id is set by Tributary"},
		"fill over a column":      {`{name: a, columns: [b], fill: {B: x}}`, `tables[0].fill.B: there is a column of that name already, from "b"`},
		"fill over ours":          {`{name: a, fill: {region: x}}`, "region is set by Tributary"},
		"fill is a number":        {`{name: a, fill: {b: 7}}`, "tables[0].fill.b: is a number; write it in quotes, as text"},
		"fill is null":            {`{name: a, fill: {b: }}`, "tables[0].fill.b: has no value"},
		"fill name with a dot":    {`{name: a, fill: {b.c: "${x}"}}`, `tables[0].fill["b.c"]: unknown placeholder ${x}`},
		"no action":               {`{name: a, transform: [{column: b}]}`, "tables[0].transform[0]: has 0 actions"},
		"no column":               {`{name: a, transform: [{mask: all}]}`, "tables[0].transform[0].column: is missing"},
		"unknown mask":            {`{name: a, transform: [{column: b, mask: some}]}`, `unknown value "some"; use all, email or last4`},
		"salt without hash":       {`{name: a, transform: [{column: b, mask: all, salt: "env:S"}]}`, "salt: has no meaning without hash"},
		"masked id":               {`{name: a, ids: [nr], rename: {nr: id}, transform: [{column: id, mask: last4}]}`, "masked ids would be the same for different rows"},
		"hashed cursor":           {`{name: a, cursor: u, transform: [{column: U, hash: sha256}]}`, `"U" is the cursor`},
		"changed client_id":       {`{name: a, transform: [{column: client_id, sql: "'x'"}]}`, "client_id is set by Tributary"},
		"transform of excluded":   {`{name: a, exclude: [b], transform: [{column: b, mask: all}]}`, `"b" is excluded`},
		"transform of unknown":    {`{name: a, columns: [b], transform: [{column: c, mask: all}]}`, `"c" is not in columns`},
		"partition unknown":       {`{name: a, columns: [b], partition_by: [c]}`, `tables[0].partition_by[0]: "c" is not in columns`},
		"rule without that":       {`{name: a, expect: [{name: r, otherwise: warn}]}`, "tables[0].expect[0].that: is missing"},
		"rule without otherwise":  {`{name: a, expect: [{name: r, that: x}]}`, "otherwise: is missing; use warn, quarantine or fail"},
		"overlap of what":         {`{name: a, cursor: u, overlap: soon}`, "tables[0].overlap: is not an overlap; write a time such as 10m"},
		"negative overlap":        {`{name: a, cursor: u, overlap: -5}`, "is not a number of rows"},
		"null cursor, no cursor":  {`{name: a, on_null_cursor: fail}`, "tables[0].on_null_cursor: has no meaning without a cursor"},
		"overlap_rows":            {`{name: a, overlap_rows: 5}`, "tables[0].overlap_rows: unknown key; did you mean overlap?"},
		"zero_dates":              {`{name: a, zero_dates: keep}`, `unknown value "keep"; use null or fail`},
		"tinyint1":                {`{name: a, tinyint1: bool}`, "use number or boolean"},
		"type of SQL":             {`{name: a, types: {n: bigint}}`, `tables[0].types.n: "bigint" is no type; did you mean long?`},
		"type misspelt":           {`{name: a, types: {n: strng}}`, `"strng" is no type; did you mean string?`},
		"type of nowhere":         {`{name: a, types: {n: geography}}`, `use boolean, byte, short, integer, long, float, double, string, binary, date, timestamp or "decimal(p,s)"`},
		"type too long":           {`{name: a, types: {n: "decimal(39,2)"}}`, `"decimal(39,2)" is no type; write "decimal(12,2)", in quotes, with up to 38 digits`},
		"type of more than all":   {`{name: a, types: {n: "decimal(5,6)"}}`, `"decimal(5,6)" is no type`},
		"type without digits":     {`{name: a, types: {n: numeric}}`, `write "decimal(12,2)"`},
		"type twice":              {`{name: a, types: {n: long, N: string}}`, "has a type twice"},
		"type of excluded":        {`{name: a, exclude: [n], types: {N: long}}`, `tables[0].types.N: "N" is excluded`},
		"type of unknown":         {`{name: a, columns: [b], types: {c: long}}`, `"c" is not in columns`},
		"type is empty":           {`{name: a, types: {n: ""}}`, `"" is no type`},
		"property's key":          {`{name: a, properties: {"a b": x}}`, `tables[0].properties["a b"]: "a b" cannot be the key of a property`},
		"property is a number":    {`{name: a, properties: {b: 7}}`, "tables[0].properties.b: is a number; write it in quotes, as text"},
		"property of ours":        {`{name: a, properties: {delta.columnMapping.mode: name}}`, `tables[0].properties["delta.columnMapping.mode"]: is set by Tributary`},
		"property misspelt":       {`{name: a, properties: {delta.enableDeletionVector: "true"}}`, `tables[0].properties["delta.enableDeletionVector"]: is not how Delta writes it; write delta.enableDeletionVectors`},
		"property in lower case":  {`{name: a, properties: {delta.enabledeletionvectors: "true"}}`, "write delta.enableDeletionVectors"},
		"property against merges": {`{name: a, properties: {Delta.AppendOnly: "true"}}`, "would refuse the updates and deletes of every merge"},
		"property that is none":   {`{name: a, properties: {comment: x}}`, "tables[0].properties.comment: is no property"},
		"zone":                    {`{name: a, datetime_zone: Local}`, `unknown time zone "Local"`},
		"drift":                   {`{name: a, drift: keep}`, "use evolve, ignore or fail"},
		"review":                  {`{name: a, review: true}`, "tables[0].review: is not available yet"},
		"review in quotes":        {`{name: a, review: "false"}`, "tables[0].review: is text; write true or false"},
		"not a table":             {`orders`, "tables[0]: is text; write keys and values"},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, daily(t, "target: {schema: s}\ntables:\n- "+c.table))
			require.Len(t, got, 1)
			require.Contains(t, got[0], "daily.yaml:3: ")
			require.Contains(t, got[0], c.says)
		})
	}
}

func TestErrSync(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"six fields":        {`schedule: {cron: "0 0 2 * * *"}`, "schedule.cron: is not a cron expression: expected exactly 5 fields"},
		"zone in cron":      {`schedule: {cron: "CRON_TZ=UTC 0 2 * * *"}`, "schedule.cron: names a time zone"},
		"every in cron":     {`schedule: {cron: "@every 1h"}`, "write it as schedule.every"},
		"question mark":     {`schedule: {cron: "0 2 ? * *"}`, "which Temporal does not take"},
		"empty cron":        {`schedule: {cron: ""}`, "schedule.cron: is not a cron expression"},
		"every nothing":     {`schedule: {every: 0s}`, "schedule.every: is shorter than 1s"},
		"no time":           {`schedule: {time_zone: UTC}`, "schedule: has neither cron nor every"},
		"zone with every":   {`schedule: {every: 1h, time_zone: UTC}`, "has no meaning with every"},
		"every too short":   {`schedule: {every: 10ms}`, "is shorter than 1s"},
		"catch_up":          {`schedule: {every: 1h, catch_up: 1s}`, "schedule.catch_up: is shorter than 10s"},
		"a week":            {`schedule: {every: 1w}`, "schedule.every: is not a time; write a number and its unit"},
		"negative":          {`schedule: {every: -1h}`, "schedule.every: is a negative time"},
		"parallel":          {`parallel: {tables_per_client: -1}`, "parallel.tables_per_client: is too small"},
		"parallel is text":  {`parallel: {clients: "8"}`, "parallel.clients: is text; write a whole number"},
		"parallel is large": {`parallel: {clients: 99999999999999999999}`, "parallel.clients: is a"},
		"attempts":          {`retry: {attempts: 0}`, "retry.attempts: is too small"},
		"heartbeat":         {`timeouts: {heartbeat: 2s}`, "timeouts.heartbeat: is shorter than 3s"},
		"no extract time":   {`timeouts: {extract: 0s}`, "timeouts.extract: is no time at all"},
		"client twice":      {`clients: [acme, Acme]`, `clients[1]: "Acme" is in the list already`},
		"region of a path":  {`regions: [a/b]`, `regions[0]: "a/b" cannot be part of a path`},
		"name in the file":  {`name: daily`, "name: unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, daily(t, c.text+"\ntarget: {schema: s}\ntables: [{name: a}]"))
			require.Len(t, got, 1)
			require.Contains(t, got[0], "daily.yaml:1: ")
			require.Contains(t, got[0], c.says)
		})
	}
}

func TestSchedule(t *testing.T) {
	for written, want := range map[string]Schedule{
		`{cron: "*/5 0-6 1,15 jan-mar mon-fri"}`: {Cron: "*/5 0-6 1,15 jan-mar mon-fri", TimeZone: "UTC", Overlap: "skip", CatchUp: 24 * time.Hour},
		`{cron: "@daily", time_zone: Asia/Tokyo, jitter: 5m, overlap: buffer_one, catch_up: 6h, paused: true}`: {
			Cron: "@daily", TimeZone: "Asia/Tokyo", Jitter: 5 * time.Minute, Overlap: "buffer_one", CatchUp: 6 * time.Hour, Paused: true},
		`{every: 90m}`: {Every: 90 * time.Minute, Overlap: "skip", CatchUp: 24 * time.Hour},
	} {
		got := loaded(t, daily(t, "schedule: "+written+"\ntarget: {schema: s}\ntables: [{name: a}]")).Syncs[0].Schedule
		require.Equal(t, want, got)
		require.True(t, got.Scheduled())
	}
}

func TestSyncsMayShareATableOnlyOfOneSource(t *testing.T) {
	path := daily(t, "target: {schema: s}\ntables: [{name: orders, cursor: u}]")
	monthly := filepath.Join(path, "monthly.yaml")
	require.NoError(t, os.WriteFile(monthly, []byte("target: {schema: s}\ntables: [{name: orders}]"), 0o600))
	require.Len(t, loaded(t, path).Syncs, 2)
	require.NoError(t, os.WriteFile(monthly, []byte("target: {schema: S}\ntables: [{name: old_orders, target: Orders}]"), 0o600))
	require.Equal(t, []string{`monthly.yaml:2: tables[0]: goes to the central table "Orders", where the sync daily brings the table "orders"; give one of them another target`}, faults(t, path))
}
