package tests

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/workflows"
)

// namespaceVariable is set in the test's process in a user namespace, where anyone may mount.
const namespaceVariable = "TRIBUTARY_TEST_NAMESPACE"

// asRoot runs the test in a user namespace of its own where this user may not mount. It returns whether the caller is to
// go on.
func asRoot(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 || os.Getenv(namespaceVariable) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespaceVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "this test mounts small disks: run it as root, or where users may make namespaces\n%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// disk is a file system in memory.
type disk string

func newDisk(t *testing.T, path, size string) disk {
	t.Helper()
	require.NoError(t, os.MkdirAll(path, 0o755))
	require.NoError(t, syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	return disk(path)
}

// resize waits for files that are open to be written: while there are, a disk cannot be made read-only.
func (d disk) resize(t *testing.T, size string, flags uintptr) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		err = syscall.Mount("tmpfs", string(d), "tmpfs", syscall.MS_REMOUNT|flags, "size="+size)
		return !errors.Is(err, syscall.EBUSY)
	}, 2*time.Minute, 10*time.Millisecond, "%s is in use", d)
	require.NoError(t, err)
}

// leave leaves only so many bytes free.
func (d disk) leave(t *testing.T, bytes int64) {
	t.Helper()
	var free syscall.Statfs_t
	require.NoError(t, syscall.Statfs(string(d), &free))
	d.resize(t, fmt.Sprint((int64(free.Blocks-free.Bavail))*free.Bsize+bytes), 0)
}

// diskSync has a wide table, whose clean rows take far more room than its raw ones, and then a small one.
func diskSync() string {
	digests := make([]string, 40)
	for i := range digests {
		digests[i] = fmt.Sprintf("sha256(concat(note, '%d'))", i)
	}
	return `
target: {schema: central}
parallel: {clients: 1, tables_per_client: 1}
retry: {attempts: 2, initial: 100ms, max: 200ms}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:
  - name: wide
    cursor: updated_at
    overlap: 1s
    fill: {digest: ""}
    transform: [{column: digest, sql: "concat(` + strings.Join(digests, ", ") + `)"}]
  - {name: small}
`
}

const (
	diskTables = `create table wide (id int not null primary key, note varchar(100) not null,
		updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6));
		insert into wide (id, note) select seq, md5(rand()) from seq_1_to_3000;
		create table small (id int not null primary key, n int not null); insert into small values (1, 1), (2, 1);`
	diskChanges = "update wide set note = md5(rand()); update small set n = n + 1"
	ample       = "256m"
)

func TestFullDisksFailCleanlyAndTheNextRunCatchesUp(t *testing.T) {
	t.Parallel()
	if !asRoot(t) {
		return
	}
	s := newFaultStack(t, diskSync(), "acme")
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, diskTables)
	scratch := newDisk(t, filepath.Join(s.dir, "scratch"), ample)
	central := newDisk(t, filepath.Join(s.dir, "lake"), ample)
	s.work(t)
	l := s.lake(t)
	s.sync(t)
	s.requireWide(t, l, acme)
	staged := size(t, filepath.Join(s.dir, "lake", "central", "wide", "region=eu"))

	for _, step := range []struct {
		name    string
		squeeze func()
		where   string
	}{
		{"extract", func() { scratch.leave(t, 64<<10) }, "/scratch"},
		{"transform", func() { scratch.leave(t, staged/2) }, "/scratch/worker-"},
		{"stage", func() { central.leave(t, staged/2) }, "/lake/_staging/"},
		{"merge", func() { central.leave(t, staged+staged/2) }, "/lake/"},
		{"commit", func() { fillLog(t, s, "wide") }, "/lake/central/wide/_delta_log/"},
	} {
		t.Run(step.name, func(t *testing.T) {
			acme.server.ExecIn(t, acme.Database, diskChanges)
			before, log := s.state(t, l, "acme", "wide"), logFiles(t, s, "wide")
			step.squeeze()
			defer func() {
				scratch.resize(t, ample, 0)
				central.resize(t, ample, 0)
				emptyLog(t, s, "wide")
				s.sync(t)
				s.requireWide(t, l, acme)
			}()
			require.ErrorContains(t, s.wait(t, s.start(t)), "1 of 2 client tables failed: eu/acme: wide: ")
			s.requireFailure(t, l, "acme", "wide", 2, " full", s.dir+step.where, "o space left on device", "free space")
			require.Equal(t, before, s.state(t, l, "acme", "wide"))
			require.Equal(t, log, logFiles(t, s, "wide"), "no commit, nor half of one")
			require.Equal(t, acme.rows(t, "select n from small"), s.query(t, l, "select n from small"), "the other table found the room that the failed one left")
			s.requireNothingLeft(t)
		})
	}
	t.Run("not even for the record", func(t *testing.T) { s.requireWaitsToBeLogged(t, l, acme, central) })
	t.Run("a lake that cannot be written", func(t *testing.T) { s.requireReadOnlyLake(t, l, acme, central) })
}

func (s *stack) requireWide(t *testing.T, l lake.Lake, acme tenant) {
	t.Helper()
	require.Equal(t, acme.rows(t, "select id, note, sha2(concat(note, '0'), 256) from wide order by id"),
		s.query(t, l, "select id, note, digest[1:64] from wide order by id"))
}

// requireWaitsToBeLogged syncs while the lake has no room at all: the run stays open until its failure can be logged.
func (s *stack) requireWaitsToBeLogged(t *testing.T, l lake.Lake, acme tenant, central disk) {
	t.Helper()
	err := s.requireStaysOpen(t, l, acme, "free space", func() { central.leave(t, 0) }, func() { central.resize(t, ample, 0) })
	require.ErrorContains(t, err, "1 of 2 client tables failed: eu/acme: wide: ")
	s.requireFailure(t, l, "acme", "wide", 2, " full", s.dir+"/lake/", "free space")
	s.sync(t)
	s.requireWide(t, l, acme)
}

// requireReadOnlyLake syncs while the lake's disk takes no writes: the run stays open until its failure can be logged.
func (s *stack) requireReadOnlyLake(t *testing.T, l lake.Lake, acme tenant, central disk) {
	t.Helper()
	const advice = "let the worker's user write there"
	err := s.requireStaysOpen(t, l, acme, advice, func() { central.resize(t, ample, syscall.MS_RDONLY) }, func() { central.resize(t, ample, 0) })
	require.ErrorContains(t, err, "eu/acme: wide: ")
	failed := s.query(t, l, "select error from sync_log where table_name = 'wide'")
	for _, text := range []string{s.dir + "/lake", "read-only file system", advice} {
		require.Contains(t, failed[0], text)
	}
	s.sync(t)
	s.requireWide(t, l, acme)
}

// requireStaysOpen syncs while nothing can be written to the lake, until the run waits to be logged for a reason that says
// so, then mends it, and returns how the run ended.
func (s *stack) requireStaysOpen(t *testing.T, l lake.Lake, acme tenant, says string, lock, mend func()) error {
	t.Helper()
	acme.server.ExecIn(t, acme.Database, diskChanges)
	before := s.state(t, l, "acme", "wide")
	lock()
	run := s.start(t)
	id := workflows.TableSyncID(table.Ref{Client: "acme", Table: "wide"})
	require.Eventually(t, func() bool {
		described, err := s.temporal.Client.DescribeWorkflowExecution(t.Context(), id, "")
		return err == nil && slices.ContainsFunc(described.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool {
			return a.GetActivityType().GetName() == "Log" && strings.Contains(a.GetLastFailure().GetMessage(), says)
		})
	}, 2*time.Minute, 100*time.Millisecond, "the Web UI shows what the run waits for")
	mend()
	err := s.wait(t, run)
	require.Equal(t, before, s.state(t, l, "acme", "wide"))
	s.requireNothingLeft(t)
	return err
}

// ballast takes all the room of a table's log.
const ballast = "ballast"

func logDir(s *stack, name string) string {
	return filepath.Join(s.dir, "lake", "central", name, "_delta_log")
}

// fillLog puts a table's log on a disk of its own, which is full.
func fillLog(t *testing.T, s *stack, name string) {
	t.Helper()
	dir := logDir(s, name)
	aside := t.TempDir()
	require.NoError(t, os.CopyFS(aside, os.DirFS(dir)))
	newDisk(t, dir, "8m")
	require.NoError(t, os.CopyFS(dir, os.DirFS(aside)))
	err := os.WriteFile(filepath.Join(dir, ballast), make([]byte, 16<<20), 0o600)
	require.ErrorIs(t, err, syscall.ENOSPC)
}

func emptyLog(t *testing.T, s *stack, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(logDir(s, name), ballast)); err != nil {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// logFiles lists the files of a table's log, hidden ones too, but not our ballast.
func logFiles(t *testing.T, s *stack, name string) []string {
	t.Helper()
	entries, err := os.ReadDir(logDir(s, name))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		if entry.Name() != ballast {
			names = append(names, entry.Name())
		}
	}
	return names
}

// size is the bytes of the files below a folder.
func size(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	}))
	return bytes
}
