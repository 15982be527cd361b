package tests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/workflows"
)

// startError is why a worker on the stack's configuration does not start.
func (s *stack) startError(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	err = runWorker(ctx, s.dir, log)
	require.NoError(t, ctx.Err(), "the worker started")
	require.Error(t, err)
	return err
}

// A worker that cannot work says why, and what to do, rather than start.
func TestWorkersDoNotStartOnFaults(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, faultSync)
	file := filepath.Join(s.dir, "a-file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, c := range map[string]struct {
		file, from, to string
		says           []string
	}{
		"misspelt key":      {"daily.yaml", "retry:", "rerty:", []string{"daily.yaml:4: rerty: unknown key; did you mean retry?"}},
		"wrong type":        {"daily.yaml", "attempts: 3", "attempts: many", []string{"daily.yaml:4: retry.attempts: is text; write a whole number"}},
		"duplicate table":   {"daily.yaml", "name: events", "name: Orders", []string{`daily.yaml:23: tables[2]: goes to the central table "Orders", as tables[0] does; give one of them another target`}},
		"duplicate region":  {"daily.yaml", "retry:", "regions: [eu, EU]\nretry:", []string{`daily.yaml:4: regions[1]: "EU" is in the list already`}},
		"no Temporal":       {"tributary.yaml", s.temporal.Address, "127.0.0.1:1", []string{"reach Temporal", "127.0.0.1:1", "is it running?", "temporal.address"}},
		"no namespace":      {"tributary.yaml", "namespace: default", "namespace: nowhere", []string{"nowhere"}},
		"lake in a file":    {"tributary.yaml", "path: lake", "path: " + file + "/lake", []string{"lake", file, "cannot be written"}},
		"scratch in a file": {"tributary.yaml", "path: scratch", "path: " + file + "/scratch", []string{"scratch", file, "scratch.path"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(s.dir, c.file)
			good, err := os.ReadFile(path)
			require.NoError(t, err)
			defer func() { require.NoError(t, os.WriteFile(path, good, 0o600)) }()
			bad := strings.Replace(string(good), c.from, c.to, 1)
			require.NotEqual(t, string(good), bad)
			require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
			err = s.startError(t)
			for _, text := range c.says {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// registryService is an HTTP registry whose answer tests change.
type registryService struct {
	answer atomic.Value // func(w http.ResponseWriter)
	calls  atomic.Int64
}

func newRegistryService(t *testing.T) (service *registryService, url string) {
	t.Helper()
	service = &registryService{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		service.calls.Add(1)
		service.answer.Load().(func(http.ResponseWriter))(w)
	}))
	t.Cleanup(server.Close)
	return service, server.URL
}

func (r *registryService) says(status int, body string) {
	r.answer.Store(func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the caller's affair
	})
}

func TestRegistryFaultsFailTheSyncAndTheNextOneSucceeds(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, faultSync, "acme")
	acme := s.clients[0]
	service, url := newRegistryService(t)
	settingsPath := filepath.Join(s.dir, "tributary.yaml")
	text, err := os.ReadFile(settingsPath)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(settingsPath, []byte(strings.Replace(string(text), "clients: {file: clients.yaml}",
		"clients: {url: '"+url+"', retries: 1, timeout: 30s}", 1)), 0o600))
	client := fmt.Sprintf(`{"id": "acme", "region": "eu", "host": "127.0.0.1", "port": %d, "database": %q, "user": %q, "password": "file:%s/eu.secret"}`,
		acme.server.Port, acme.Database, acme.server.User, s.dir)
	good := `{"regions": ["eu", "us"], "clients": [` + client + `]}`
	service.says(200, good) // so that the worker knows the regions
	s.work(t)
	l := s.lake(t)
	s.sync(t)
	require.Equal(t, []string{"acme|3"}, s.query(t, l, "select client_id, count(*) from sync_log group by 1"), "a region without clients is no error")

	acme.server.ExecIn(t, acme.Database, changeRows)
	before := s.state(t, l, "acme", "orders")
	for _, c := range []struct {
		name, body string
		status     int
		tries      int32 // of the activity
		says       []string
	}{
		{"down", "", 503, retries, []string{url, "503"}},
		{"rubbish", "<html>Log in</html>", 200, 1, []string{url, "<html>Log in</html>"}},
		{"misspelt", strings.Replace(good, `"clients"`, `"client"`, 1), 200, 1, []string{"client: unknown key; did you mean clients?"}},
		{"duplicate client", strings.Replace(good, client, client+","+client, 1), 200, 1, []string{`clients[1].id: the client "acme" is in the registry already`}},
		{"duplicate region", strings.Replace(good, `"us"`, `"EU"`, 1), 200, 1, []string{`regions[1]: "EU" is in the list already`}},
	} {
		service.says(c.status, c.body)
		err := s.wait(t, s.start(t))
		for _, text := range c.says {
			require.Contains(t, workflows.Reason(err), text, c.name)
		}
		s.requireAttempts(t, c.tries, workflows.SyncID("daily"))
	}
	require.Equal(t, before, s.state(t, l, "acme", "orders"))

	service.says(200, good)
	s.sync(t)
	for _, name := range faultTables {
		s.requireClientTable(t, l, acme, name)
	}
}

const noClient = "no client to sync: check the regions and clients of the sync, and the registry"

// Nothing to do is no error, for a region may have lost its last client, but it is said.
func TestSyncsWithoutClientsSaySo(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, faultSync, "acme")
	text, err := os.ReadFile(filepath.Join(s.dir, "clients.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "clients.yaml"), append([]byte("regions: [eu, us]\n"), text...), 0o600))
	s.startWorker(t)
	for id, c := range map[string]struct {
		only workflows.Selection
		want []string
	}{
		"sync/daily":        {workflows.Selection{}, []string{"region us has no clients to sync"}},
		"sync/daily/mars":   {workflows.Selection{Regions: []string{"mars"}}, []string{"the registry has no region mars", noClient}},
		"sync/daily/nobody": {workflows.Selection{Clients: []string{"nobody"}}, []string{noClient}},
	} {
		var summary table.Summary
		require.NoError(t, s.startInput(t, id, workflows.SyncInput{Select: c.only}).Get(t.Context(), &summary))
		require.Equal(t, c.want, summary.Notes, id)
	}
}
