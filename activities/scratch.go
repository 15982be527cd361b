package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"tributary/internal/mariadb"
	"tributary/internal/table"
)

// Scratch is a worker's own folder for raw and clean files, one folder per run, and its quarantine folder, which stays.
type Scratch struct {
	root, own string
	lock      *os.File
	turns     turns
	removing  sync.WaitGroup
}

// rawFolder is the folder of a run's raw rows.
const rawFolder = "raw"

// removedFolder has the folders of runs that are being removed; nothing in it is worth keeping.
const removedFolder = "removed"

// keepFor is how long what a process had read of a run stays after it has ended, for the run to go on from.
const keepFor = 24 * time.Hour

// OpenScratch makes a folder for this process below root, and removes those of processes that have ended, but for rows that
// their runs may go on from when they start again.
func OpenScratch(root string) (*Scratch, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("scratch folder: %w", err)
	}
	s := &Scratch{root: root, own: filepath.Join(root, "worker-"+uuid.NewString()[:8])}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch folder: %w; set scratch.path to a folder that the worker may write", err)
	}
	starting, err := lockFolder(root, unix.LOCK_EX) // nobody sweeps a folder between its making and its locking
	if err != nil {
		return nil, err
	}
	defer func() { _ = starting.Close() }()
	if err := os.MkdirAll(filepath.Join(s.own, removedFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch folder: %w", err)
	}
	if s.lock, err = lockFolder(s.own, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	return s, s.sweep()
}

const lockName = "lock"

// lockFolder holds a lock that ends with the process, however it ends.
func lockFolder(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the scratch folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the scratch folder %s: %w", dir, err)
	}
	return f, nil
}

func (s *Scratch) sweep() error {
	others, err := filepath.Glob(filepath.Join(s.root, "worker-*"))
	if err != nil {
		return fmt.Errorf("list the scratch folder: %w", err)
	}
	for _, dir := range others {
		if dir == s.own {
			continue
		}
		lock, err := lockFolder(dir, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue // its process is alive
		}
		err = empty(dir)
		_ = lock.Close()
		if err != nil {
			return fmt.Errorf("remove a left-over scratch folder: %w", err)
		}
	}
	return nil
}

// empty removes a process's folder, but for finished chunks that their runs may go on from.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	kept := false
	for _, entry := range entries {
		run := filepath.Join(dir, entry.Name())
		if resumable(run) {
			kept = true
		} else if entry.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(run))
		}
	}
	if err != nil || kept {
		return err
	}
	return os.RemoveAll(dir)
}

// resumable says whether a run's folder has rows worth keeping.
func resumable(run string) bool {
	info, err := os.Stat(filepath.Join(run, rawFolder))
	return err == nil && time.Since(info.ModTime()) < keepFor && mariadb.Resumable(filepath.Join(run, rawFolder))
}

// Adopt makes what a process that has ended had read of a run this process's, so that the run goes on from it. It does nothing
// where there is nothing of the kind, or the run has a folder here. Of several processes that ask at once, one gets it.
func (s *Scratch) Adopt(runID string) error {
	if _, err := os.Stat(s.Run(runID)); err == nil {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(s.root, "worker-*", runID))
	if err != nil {
		return fmt.Errorf("look for an earlier attempt: %w", err)
	}
	for _, run := range found {
		dir := filepath.Dir(run)
		lock, err := lockFolder(dir, unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			continue // its process is alive
		}
		if resumable(run) {
			err = os.Mkdir(s.Run(runID), 0o700)
			err = errors.Join(err, os.Rename(filepath.Join(run, rawFolder), s.Run(runID, rawFolder)))
		}
		err = errors.Join(err, empty(dir))
		_ = lock.Close()
		if err != nil {
			return fmt.Errorf("take over an earlier attempt: %w", err)
		}
	}
	return nil
}

// Dir is this process's own folder: all that its runs write is below it, but what is kept.
func (s *Scratch) Dir() string { return s.own }

// Run returns the folder of a run, or one below it. It may not exist.
func (s *Scratch) Run(runID string, below ...string) string {
	return filepath.Join(append([]string{s.own, runID}, below...)...)
}

// Remove removes the folder of a run: it is gone at once, and what is in it a moment later, which of gigabytes takes a while.
// What cannot be removed then goes with the process's folder.
func (s *Scratch) Remove(runID string) error {
	removed := filepath.Join(s.own, removedFolder, uuid.NewString())
	if os.Rename(s.Run(runID), removed) == nil {
		s.removing.Go(func() { _ = os.RemoveAll(removed) })
		return nil
	}
	if err := os.RemoveAll(s.Run(runID)); err != nil {
		return fmt.Errorf("remove the scratch folder of run %s: %w", runID, err)
	}
	return nil
}

// Keep keeps a quarantined file of the run's folder at quarantine/<schema>/<client>/<table>/<run>.parquet too, and
// returns it under that path. Nil stays nil.
func (s *Scratch) Keep(ref table.Ref, runID string, file *table.File) (*table.File, error) {
	if file == nil {
		return nil, nil
	}
	dir := filepath.Join(s.root, "quarantine", url.PathEscape(ref.Schema), url.PathEscape(ref.Client), url.PathEscape(ref.Table))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the quarantine folder: %w", err)
	}
	kept := *file
	kept.Path = filepath.Join(dir, runID+".parquet")
	if err := os.Remove(kept.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replace quarantined rows: %w", err)
	}
	if err := os.Link(file.Path, kept.Path); err != nil {
		return nil, fmt.Errorf("keep quarantined rows: %w", err)
	}
	return &kept, nil
}

// Close removes this process's folder, but for rows that runs may go on from, and not the quarantine.
func (s *Scratch) Close() error {
	s.removing.Wait()
	err := empty(s.own)
	_ = s.lock.Close()
	return err
}
