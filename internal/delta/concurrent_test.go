package delta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The environment of a child process: see TestMain.
const (
	childDir    = "DELTA_TEST_DIR"
	childCount  = "DELTA_TEST_COUNT"
	childKillAt = "DELTA_TEST_KILL_AT"
)

// TestMain is also the main function of the processes that tests start to commit in, beside or instead of this one.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := commitAsChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// commitAsChild appends files and prints their paths, or dies at a stage of the first commit.
func commitAsChild(dir string) error {
	tbl := Open(dir)
	if stage := os.Getenv(childKillAt); stage != "" {
		tbl.fault = func(at string) error {
			if at == stage {
				return syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return nil
		}
	}
	count, err := strconv.Atoi(os.Getenv(childCount))
	if err != nil {
		return err
	}
	for range count {
		path, err := commitOne(context.Background(), tbl)
		if err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}

// commitOne appends one file, on the newest snapshot.
func commitOne(ctx context.Context, tbl *Table) (string, error) {
	file, err := makeFile(tbl.Dir(), "eu")
	if err != nil {
		return "", err
	}
	s, err := tbl.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	_, err = tbl.Commit(ctx, Tx{Read: s, Adds: []Add{file}, DataChange: true, Operation: "WRITE"})
	return file.Path, err
}

func child(ctx context.Context, dir string, count int, killAt string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childCount+"="+strconv.Itoa(count), childKillAt+"="+killAt)
	cmd.Stderr = os.Stderr
	return cmd
}

// requireEachOnce checks that the log has every file exactly once, and nothing else, however it is read.
func requireEachOnce(t *testing.T, dir string, want []string) {
	t.Helper()
	require.ElementsMatch(t, want, paths(snapshot(t, Open(dir))))
	var added []string
	for v := int64(1); v <= int64(len(want)); v++ {
		c, err := Open(dir).readCommit(v)
		require.NoError(t, err)
		require.Len(t, c.files, 1)
		added = append(added, c.files[0].add.Path)
	}
	require.ElementsMatch(t, want, added)
}

func TestConcurrentCommittersInOneProcess(t *testing.T) {
	dir := t.TempDir()
	shared := create(t, dir)
	var mu sync.Mutex
	var want []string
	var group sync.WaitGroup
	for i := range 8 {
		tbl := shared
		if i%2 == 0 {
			tbl = Open(dir) // races for the file, not for the lock
		}
		group.Go(func() {
			for range 12 {
				path, err := commitOne(context.Background(), tbl)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want = append(want, path)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	require.Len(t, want, 96)
	requireEachOnce(t, dir, want)
	requireSame(t, snapshot(t, Open(dir)), snapshot(t, shared))
}

func TestConcurrentCommittersInSeveralProcesses(t *testing.T) {
	dir := t.TempDir()
	create(t, dir)
	outputs := make([]strings.Builder, 4)
	children := make([]*exec.Cmd, len(outputs))
	for i := range children {
		children[i] = child(t.Context(), dir, 15, "")
		children[i].Stdout = &outputs[i]
		require.NoError(t, children[i].Start())
	}
	var want []string
	for i, c := range children {
		require.NoError(t, c.Wait())
		lines := bufio.NewScanner(strings.NewReader(outputs[i].String()))
		for lines.Scan() {
			want = append(want, lines.Text())
		}
	}
	require.Len(t, want, 60)
	requireEachOnce(t, dir, want)
}

// TestConcurrentCreators lets several create the same table: one does, the others are told.
func TestConcurrentCreators(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "schema", "table")
	metadata, err := NewMetadata("t", "", testSchema, nil, nil)
	require.NoError(t, err)
	errs := make([]error, 6)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = Open(dir).Commit(context.Background(), Tx{Metadata: &metadata}) })
	}
	group.Wait()
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
		} else {
			require.ErrorIs(t, err, ErrExists)
		}
	}
	require.Equal(t, 1, created)
}

// TestKilledCommitter kills a process at every stage of its commit. What it leaves is either nothing or the whole
// commit, and the next writer goes on.
func TestKilledCommitter(t *testing.T) {
	for stage, committed := range map[string]bool{
		stageBegin: false, stageTemp: false, stageLinked: true, stageDone: true, stageCheckpoint: true, stageLastCheckpoint: true,
	} {
		t.Run(stage, func(t *testing.T) {
			dir := t.TempDir()
			tbl := create(t, dir, "delta.checkpointInterval=2")
			add(t, tbl, "eu")
			before := 1
			var exit *exec.ExitError
			require.ErrorAs(t, child(t.Context(), dir, 1, stage).Run(), &exit)
			require.Equal(t, "signal: killed", exit.Error())
			if committed {
				before = 2
			}
			require.Len(t, snapshot(t, tbl).Files(), before)
			require.Len(t, snapshot(t, Open(dir)).Files(), before)
			for i := range 4 {
				add(t, tbl, "eu")
				require.Len(t, snapshot(t, Open(dir)).Files(), before+1+i)
			}
			temps, err := filepath.Glob(filepath.Join(dir, logFolder, ".*.tmp"))
			require.NoError(t, err)
			require.Len(t, temps, map[string]int{stageTemp: 1, stageLinked: 1, stageCheckpoint: 1}[stage])
		})
	}
}

// TestFailingCommit fails at the stages instead; Commit tells whether the commit may be there.
func TestFailingCommit(t *testing.T) {
	for stage, want := range map[string]error{stageTemp: errFault, stageLinked: ErrUncertain} {
		t.Run(stage, func(t *testing.T) {
			tbl := create(t, t.TempDir())
			tbl.fault = func(at string) error {
				if at == stage {
					return errFault
				}
				return nil
			}
			_, err := commitOne(t.Context(), tbl)
			require.ErrorIs(t, err, want)
			require.Equal(t, stage == stageLinked, errors.Is(err, ErrUncertain))
			require.Len(t, snapshot(t, Open(tbl.Dir())).Files(), map[string]int{stageLinked: 1}[stage])
			temps, err := filepath.Glob(filepath.Join(tbl.Dir(), logFolder, ".*.tmp"))
			require.NoError(t, err)
			require.Empty(t, temps)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		tbl := create(t, t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		tbl.fault = func(string) error { cancel(); return nil }
		s := snapshot(t, tbl)
		_, err := tbl.Commit(ctx, Tx{Read: s})
		require.ErrorIs(t, err, context.Canceled)
		require.EqualValues(t, 0, snapshot(t, Open(tbl.Dir())).Version)
	})
}

var errFault = errors.New("injected")
