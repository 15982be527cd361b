package tests

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"tributary/config"
	"tributary/internal/arrowfile"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/worker/serve"
	"tributary/workflows"
)

// stack is everything a sync needs, for real: a MariaDB server per region, Temporal, a config
// directory and a lake.
type stack struct {
	servers  map[string]*testserver.Server // by region
	temporal *testserver.DevServer
	dir      string // the config directory; the scratch folder is in it, and a local lake
	clients  []tenant
	central  centralLake
}

// tenant is a client of the stack, with its database.
type tenant struct {
	ID, Region, Database string
	server               *testserver.Server
}

const workerDirVariable = "TRIBUTARY_TEST_WORKER_DIR" // makes the test binary a worker

// TestMain is also the worker process of the tests that kill one, and the writers of other processes.
func TestMain(m *testing.M) {
	arrowfile.Scrub.Store(true) // in workers, too: who reads a batch that was released reads nonsense
	if text := os.Getenv(writerVariable); text != "" {
		if err := runWriter(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(workerDirVariable); dir != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := runWorker(ctx, dir, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func runWorker(ctx context.Context, dir string, log *os.File) error {
	cfg, err := config.Load(dir)
	if err != nil {
		return err
	}
	return serve.Run(ctx, cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

var regions = []string{"eu", "us", "ap"}

// newStack starts a stack with a local lake, two clients per region, and the tables of shop.
func newStack(t *testing.T, sync string) *stack {
	t.Helper()
	return newStackOn(t, localLake(t), regions, sync)
}

func newStackOn(t *testing.T, central centralLake, regions []string, sync string) *stack {
	t.Helper()
	s := &stack{servers: map[string]*testserver.Server{}, dir: t.TempDir(), temporal: testserver.Temporal(t), central: central}
	for i, region := range regions {
		server := testserver.MariaDB(t, testserver.Private())
		s.servers[region] = server
		for _, id := range []string{[]string{"acme", "brio", "cato"}[i], []string{"dune", "edda", "fjord"}[i]} {
			s.clients = append(s.clients, tenant{ID: id, Region: region, Database: server.Database(t, id), server: server})
		}
	}
	s.configure(t, sync)
	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, shopTables, shopRows(c.ID))
	}
	return s
}

const settings = `
lake: {{.Lake}}
temporal: {address: "{{.Temporal}}", namespace: default}
clients: {file: clients.yaml}
worker: {health: off, max_sources: 8, stop_timeout: 5s}
scratch: {path: scratch, memory: 512MB}
`

const clientsFile = `clients:
{{- range .Clients}}
  - {id: {{printf "%q" .ID}}, region: {{.Region}}, host: "{{.Host}}", port: {{.Port}}, database: {{.Database}}, user: {{.User}}, password: "file:{{$.Dir}}/{{.Region}}.secret"}
{{- end}}
`

func (s *stack) configure(t *testing.T, sync string) {
	t.Helper()
	type entry struct {
		ID, Region, Host, Database, User string
		Port                             int
	}
	if s.central.schema == "" {
		s.central = localLake(t)
	}
	data := struct {
		Temporal, Dir, Lake, Target string
		Clients                     []entry
	}{Temporal: s.temporal.Address, Dir: s.dir, Target: s.central.target, Lake: strings.ReplaceAll(s.central.settings, "%s", s.dir)}
	if s.central.workspace != nil {
		s.write(t, "databricks.secret", "{{.}}", s.central.workspace.ClientSecret)
	}
	for _, c := range s.clients {
		s.write(t, c.Region+".secret", "{{.}}", c.server.Password)
		data.Clients = append(data.Clients, entry{c.ID, c.Region, c.server.Host, c.Database, c.server.User, c.server.Port})
	}
	s.write(t, "salt.secret", "{{.}}", salt)
	s.write(t, "tributary.yaml", settings, data)
	s.write(t, "clients.yaml", clientsFile, data)
	s.write(t, "daily.yaml", sync, data)
}

func (s *stack) write(t *testing.T, name, text string, data any) {
	t.Helper()
	f, err := os.Create(filepath.Join(s.dir, name))
	require.NoError(t, err)
	require.NoError(t, template.Must(template.New(name).Parse(text)).Execute(f, data))
	require.NoError(t, f.Close())
}

func (s *stack) config(t *testing.T) *config.Config {
	t.Helper()
	cfg, err := config.Load(s.dir)
	require.NoError(t, err)
	return cfg
}

// startWorker runs a worker in this process until the test ends.
func (s *stack) startWorker(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runWorker(ctx, s.dir, os.Stderr) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// startProcess runs a worker in a process of its own, to be killed.
func (s *stack) startProcess(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), workerDirVariable+"="+s.dir)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have been killed already
		_ = cmd.Wait()
	})
	return cmd
}

// start starts the whole sync.
func (s *stack) start(t *testing.T) client.WorkflowRun {
	t.Helper()
	return s.startInput(t, workflows.SyncID("daily"), workflows.SyncInput{})
}

func (s *stack) startInput(t *testing.T, id string, in workflows.SyncInput) client.WorkflowRun {
	t.Helper()
	var err error
	in.Sync, err = s.config(t).Sync("daily")
	require.NoError(t, err)
	run, err := s.temporal.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.ControlQueue,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, workflows.Sync, in)
	require.NoError(t, err)
	return run
}

// sync runs the whole sync and requires that everything is ok.
func (s *stack) sync(t *testing.T) {
	t.Helper()
	require.NoError(t, s.wait(t, s.start(t)))
}

func (s *stack) wait(t *testing.T, run client.WorkflowRun) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	return run.Get(ctx, nil)
}

// lake opens the lake as another process would.
func (s *stack) lake(t *testing.T) lake.Lake {
	t.Helper()
	l, err := open.Lake(t.Context(), s.config(t).Lake)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// query runs SQL on the lake and returns the rows, each as text joined with |.
func (s *stack) query(t *testing.T, l lake.Lake, sql string) []string {
	t.Helper()
	return queryText(t, l, s.central.schema, sql)
}

// queryText is query in any schema.
func queryText(t *testing.T, l lake.Lake, schema, sql string) []string {
	t.Helper()
	rows, err := l.Query(t.Context(), schema, sql, lake.At{})
	require.NoError(t, err, sql)
	defer func() { require.NoError(t, rows.Close()) }()
	columns := rows.Columns()
	var lines []string
	for {
		row, ok := rows.Next()
		if !ok {
			break
		}
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = cellText(columns[i].Type, cell)
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	require.NoError(t, rows.Err())
	return lines
}

// cellText writes a value as MariaDB does, whatever the lake's SQL.
func cellText(kind table.Type, cell any) string {
	switch v := cell.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("%X", v)
	case time.Time:
		if kind == table.Date {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format("2006-01-02 15:04:05.000000")
	}
	return fmt.Sprint(cell)
}
