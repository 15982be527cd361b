package tests

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tributary/internal/lake"
)

// The secrets of the stack: passwords right and wrong, salts, and a password that was written where its reference belongs.
const (
	rightPassword = "Rp-7qk2vXw'9\"z"
	wrongPassword = "Wp-3nd8sLb\\5&y"
	plainPassword = "Pp-6mf1tJc4h"
	hashSalt      = "Hs-9rg5uKv2j%s"
	brokenSalt    = "Bs-4xw7pNq8e"
)

var allSecrets = []string{rightPassword, wrongPassword, plainPassword, hashSalt, brokenSalt}

const secretSync = `
target: {schema: central}
retry: {attempts: 2, initial: 100ms, max: 200ms}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:
  - name: customers
    cursor: updated_at
    transform: [{column: email, hash: sha256, salt: "file:{{.Dir}}/salt.secret"}]
  - name: orders
    target: broken
    cursor: updated_at
    transform:
      - {column: note, hash: sha256, salt: "env:TRIBUTARY_TEST_BROKEN_SALT"}
      - {column: note, sql: "cast(cast(note as integer) as varchar)"}
`

const secretClients = `clients:
  - {id: acme, region: eu, host: 127.0.0.1, port: %[1]d, database: %[2]s, user: reader, password: "env:TRIBUTARY_TEST_RIGHT"}
  - {id: brio, region: eu, host: 127.0.0.1, port: %[1]d, database: %[3]s, user: reader, password: "file:%[4]s/wrong.secret"}
  - {id: cato, region: eu, host: 127.0.0.1, port: 1, database: %[3]s, user: reader, password: "env:TRIBUTARY_TEST_RIGHT"}
`

func TestSecretsNeverLeaveTheWorker(t *testing.T) {
	s := newFaultStack(t, secretSync, "acme", "brio")
	acme, brio := s.clients[0], s.clients[1]
	t.Setenv("TRIBUTARY_TEST_RIGHT", rightPassword)
	t.Setenv("TRIBUTARY_TEST_BROKEN_SALT", brokenSalt)
	s.write(t, "salt.secret", "{{.}}", hashSalt)
	s.write(t, "wrong.secret", "{{.}}", wrongPassword)
	acme.server.Exec(t, "create user reader@'%' identified by '"+strings.NewReplacer(`'`, `\'`, `\`, `\\`).Replace(rightPassword)+"'", "grant select on *.* to reader@'%'")
	clients := fmt.Sprintf(secretClients, acme.server.Port, acme.Database, brio.Database, s.dir)
	s.write(t, "clients.yaml", "{{.}}", clients)
	log, stop := s.work(t)
	l := s.lake(t)

	texts := []string{s.wait(t, s.start(t)).Error()}
	require.Contains(t, texts[0], "5 of 6 client tables failed", "all but acme's customers")
	require.Equal(t, []string{"broken|acme|failed", "broken|brio|failed", "broken|cato|failed", "customers|acme|ok", "customers|brio|failed", "customers|cato|failed"},
		s.query(t, l, "select table_name, client_id, status from sync_log order by 1, 2"))
	require.Equal(t, acme.rows(t, `select id, sha2(concat('`+hashSalt+`', convert(email using utf8mb4)), 256) from customers order by id`),
		s.query(t, l, "select id, email from customers order by id"), "the salt was used")

	s.write(t, "clients.yaml", "{{.}}", strings.Replace(clients, "file:"+s.dir+"/wrong.secret", plainPassword, 1))
	err := s.wait(t, s.start(t))
	require.ErrorContains(t, err, "clients[1].password: is not a usable secret reference")
	texts = append(texts, err.Error())
	stop()

	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(text), "ActivityType=Extract", "the log is that of a run")
	histories := s.histories(t)
	require.Contains(t, histories, s.dir+"/salt.secret", "histories have the references")
	requireNoSecrets(t, "an error", strings.Join(texts, "\n"))
	requireNoSecrets(t, "the worker's log", string(text))
	requireNoSecrets(t, "a history", histories)
	s.requireNoSecretsInLake(t, l)
}

// requireNoSecrets looks for every secret as it is and as other formats write it.
func requireNoSecrets(t *testing.T, where, text string) {
	t.Helper()
	require.NotEmpty(t, text)
	for i, secret := range allSecrets {
		quoted, err := json.Marshal(secret)
		require.NoError(t, err)
		for _, written := range []string{
			secret, strings.Trim(string(quoted), `"`), fmt.Sprintf("%q", secret), url.QueryEscape(secret), url.PathEscape(secret),
			strings.ReplaceAll(secret, "'", "''"), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)),
		} {
			if strings.Contains(text, written) { // not require.NotContains, which would print all of text
				t.Fatalf("%s has secret %d as %s", where, i, written)
			}
		}
	}
}

// histories returns the events of every workflow as JSON, and as they travel: in JSON, payloads are base64.
func (s *stack) histories(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, id := range s.executions(t) {
		history := &historypb.History{}
		events := s.temporal.Client.GetWorkflowHistory(t.Context(), id.id, id.run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			history.Events = append(history.Events, event)
		}
		text, err := protojson.Marshal(history)
		require.NoError(t, err)
		all.Write(text)
		text, err = proto.Marshal(history)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}

// requireNoSecretsInLake reads every row of every table, and the bytes of every file below the lake and scratch folders.
func (s *stack) requireNoSecretsInLake(t *testing.T, l lake.Lake) {
	t.Helper()
	for _, name := range []string{"customers", lake.SyncLog, lake.SyncRuns} {
		rows := s.query(t, l, "select * from "+name)
		requireNoSecrets(t, name, strings.Join(rows, "\n"))
	}
	files := 0
	for _, folder := range []string{"lake", "scratch"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(s.dir, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if len(text) > 0 {
				requireNoSecrets(t, path, string(text))
				files++
			}
			return err
		}))
	}
	require.Greater(t, files, 5)
}
