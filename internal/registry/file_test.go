package registry

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/config/strict"
	"tributary/internal/table"
)

// two clients in eu, one in us, none in ap.
const some = `
regions: [eu, us, ap]
clients:
  - {id: bolt, region: eu, host: 10.0.0.2, port: 3307, database: shop, user: u, password: "env:BOLT", tls: off}
  - {id: acme, region: eu, host: "::1", database: shop, user: u, columns: {ClientID: client_id, mandant: client_id, a.B: c}}
  - {id: cobalt, region: us, host: db, database: shop, user: u, tls: verify, ca: /etc/ca.pem, datetime_zone: Europe/Vienna, connections: 2}
`

func file(t *testing.T, name, text string) Registry {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return NewFile(path)
}

func ids(clients []table.Client) []string {
	all := []string{}
	for _, c := range clients {
		all = append(all, c.ID)
	}
	return all
}

func TestFileClients(t *testing.T) {
	r := file(t, "clients.yaml", some)
	for region, want := range map[string][]string{"": {"acme", "bolt", "cobalt"}, "eu": {"acme", "bolt"}, "us": {"cobalt"}, "ap": {}} {
		got, err := r.Clients(t.Context(), region)
		require.NoError(t, err, region)
		require.Equal(t, want, ids(got), region)
	}
	regions, err := r.Regions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"ap", "eu", "us"}, regions)

	acme, err := r.Get(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, table.Client{ID: "acme", Region: "eu", Host: "::1", Port: 3306, Database: "shop", User: "u",
		Columns: map[string]string{"ClientID": "client_id", "mandant": "client_id", "a.B": "c"}}, acme, "the port has its default, and names their case")
}

func TestFileErrUnknown(t *testing.T) {
	r := file(t, "clients.yaml", some)
	_, err := r.Clients(t.Context(), "uk")
	require.ErrorIs(t, err, ErrUnknownRegion)
	require.ErrorContains(t, err, "ap, eu, us")
	_, _, err = r.List(t.Context(), "EU", "", 1)
	require.ErrorIs(t, err, ErrUnknownRegion)
	_, err = r.Get(t.Context(), "bolz")
	require.ErrorIs(t, err, ErrUnknownClient)
	require.ErrorContains(t, err, `did you mean "bolt"?`)
	_, err = file(t, "c.yaml", "clients: [{id: a, region: eu, host: h, database: d, user: u}]").Clients(t.Context(), "us")
	require.ErrorIs(t, err, ErrUnknownRegion, "nobody is there, and the file does not list it")
}

func TestListPagesThroughAllClientsOnce(t *testing.T) {
	r := file(t, "clients.yaml", some)
	for limit, want := range map[int][][]string{
		0: {{"acme", "bolt", "cobalt"}},
		1: {{"acme"}, {"bolt"}, {"cobalt"}},
		2: {{"acme", "bolt"}, {"cobalt"}},
		3: {{"acme", "bolt", "cobalt"}},
	} {
		var got [][]string
		for after, last := "", false; !last; last = after == "" {
			page, next, err := r.List(t.Context(), "", after, limit)
			require.NoError(t, err)
			got = append(got, ids(page))
			after = next
		}
		require.Equal(t, want, got, limit)
	}
	page, next, err := r.List(t.Context(), "eu", "amber", 5)
	require.NoError(t, err)
	require.Equal(t, []string{"bolt"}, ids(page), "after an id that is gone the list goes on")
	require.Empty(t, next)
}

func TestFileIsReadAgainAtEachCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	r := NewFile(path)
	_, err := r.Clients(t.Context(), "")
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(`{"clients": []}`), 0o600))
	none, err := r.Clients(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, none)
	require.NoError(t, os.WriteFile(path, []byte("{\n\t\"clients\": [{\"id\": \"zoë/\"}]}"), 0o600))
	_, err = r.Get(t.Context(), "a")
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "clients.json:2: clients[0].id")
}

func TestFileErrEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := file(t, "c.yaml", some).Clients(ctx, "")
	require.ErrorIs(t, err, context.Canceled)
}

func TestFileErrReportsAllFaultsAtOnce(t *testing.T) {
	const text = `
regions: [eu, EU, us, us]
next: more
clients:
  - {id: acme, region: eu, host: h, database: d, user: u, password: hunter2}
  - {id: ACME, region: eu, host: h, database: d, user: u}
  - {id: "", region: "", host: "", database: "", user: ""}
  - {id: a/b, region: mars, host: "https://h", database: d, user: u, port: 70000}
  - {id: "c\nd", region: us, host: h, database: d, user: u, tls: "on", ca: x, datetime_zone: Mars, connections: -1}
  - {id: e, region: us, host: h, database: d, user: u, pasword: hunter2, port: "hunter2"}
  - {id: f, region: us, host: h, database: d, user: u, password: 12345, columns: {x: ""}}
  - {id: g, region: us, host: h, host: h, database: d, user: u, port: 0}
  - {id: i, region: us, host: h, database: d, user: u, connections: 2, limits: {connections: 3, rows_per_second: -1, max_statement_time: 5ms, hours: 22-6, time_zone: Mars, row: 1}}
  - {id: j, region: us, host: h, database: d, user: u, limits: {time_zone: UTC, table_connections: -1}}
`
	_, err := file(t, "clients.yaml", text).Clients(t.Context(), "")
	require.ErrorIs(t, err, ErrInvalid)
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "12345")
	var faults strict.Faults
	require.ErrorAs(t, err, &faults)
	require.Equal(t, strings.TrimSpace(`
clients.yaml: next: a file has no further pages; remove it
clients.yaml:2: regions[1]: "EU" is in the list already; remove it
clients.yaml:2: regions[1]: "EU" is written "eu" elsewhere; write it in the same way everywhere
clients.yaml:2: regions[3]: "us" is in the list already; remove it
clients.yaml:5: clients[0].password: is not a usable secret reference, and is not shown in case it is the password itself; write env:NAME or file:PATH
clients.yaml:6: clients[1].id: the client "ACME" is in the registry already, as clients[0] of clients.yaml; give each client an id of its own; upper and lower case count as the same
clients.yaml:7: clients[2].id: is missing; write at most 128 bytes of text, without / and \
clients.yaml:7: clients[2].region: is missing; write at most 128 bytes of text, without / and \
clients.yaml:7: clients[2].host: is missing; give it a value
clients.yaml:7: clients[2].database: is missing; give it a value
clients.yaml:7: clients[2].user: is missing; give it a value
clients.yaml:8: clients[3].id: "a/b" cannot be part of a path; write at most 128 bytes of text, without / and \
clients.yaml:8: clients[3].region: "mars" is not one of the regions that the registry lists; use eu, EU or us, or add it to regions
clients.yaml:8: clients[3].host: is not the name or address of a host; write only that, without scheme or path
clients.yaml:8: clients[3].port: 70000 is not a port; write 1 to 65535, or remove it for 3306
clients.yaml:9: clients[4].id: has characters that cannot be printed; write at most 128 bytes of text, without / and \
clients.yaml:9: clients[4].connections: is negative; write 1 or more, or remove it for 4
clients.yaml:9: clients[4].datetime_zone: unknown time zone "Mars"; write an IANA name, such as UTC or Europe/Vienna
clients.yaml:9: clients[4].tls: unknown value "on"; use off, preferred, required or verify
clients.yaml:9: clients[4].ca: has no meaning without tls: verify; add tls: verify, or remove it
clients.yaml:10: clients[5].pasword: unknown key; did you mean password?
clients.yaml:10: clients[5].port: is text; write a whole number
clients.yaml:11: clients[6].password: is a number; write it in quotes, as text
clients.yaml:11: clients[6].columns.x: is missing; give it a value
clients.yaml:12: clients[7].host: the key is already on line 12; remove one of the two
clients.yaml:12: clients[7].port: 0 is not a port; write 1 to 65535, or remove it for 3306
clients.yaml:13: clients[8].limits.row: unknown key; use connections, table_connections, rows_per_second, max_statement_time, hours or time_zone
clients.yaml:13: clients[8].connections: is given as limits.connections too; keep one
clients.yaml:13: clients[8].limits.rows_per_second: is negative; write 1 or more, or remove it
clients.yaml:13: clients[8].limits.max_statement_time: is less than a second; write 1s or more, or remove it
clients.yaml:13: clients[8].limits.hours: "22-6" is no stretch of the day; write two times of day, such as 22:00-06:00
clients.yaml:13: clients[8].limits.time_zone: unknown time zone "Mars"; write an IANA name, such as UTC or Europe/Vienna
clients.yaml:14: clients[9].limits.table_connections: is negative; write 1 or more, or remove it
clients.yaml:14: clients[9].limits.time_zone: has no meaning without hours; add hours, or remove it
`), faults.Error())
}

func TestFileErrRubbish(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "text": "hello", "list": "[1, 2]", "no clients": "regions: [eu]", "clients are null": "clients:", "clients are text": "clients: none",
		"not YAML": "clients: [", "two documents": "clients: []\n---\nclients: []", "a client is null": "clients: [null]",
		"an endless alias": "clients: &a [*a]",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := file(t, "clients.yaml", text).Clients(t.Context(), "")
			require.ErrorIs(t, err, ErrInvalid)
			require.NotErrorIs(t, err, ErrUnavailable)
		})
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"acme", "Zoë & Co", "a.b", strings.Repeat("x", 128)} {
		require.Empty(t, CheckName(good), good)
	}
	for _, bad := range []string{"", ".", "..", "a/b", `a\b`, "a\x00", "a\u202e", " a", "a\xff", strings.Repeat("x", 129)} {
		require.NotEmpty(t, CheckName(bad), "%q", bad)
	}
}
