package activities

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"tributary/internal/table"
)

// Scratch is a worker's own folder for raw and clean files, one folder per run, and its quarantine folder, which stays.
type Scratch struct {
	root, own string
	lock      *os.File
}

// OpenScratch makes a folder for this process below root, and removes those of processes that
// have ended: their runs start again elsewhere.
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
	if err := os.Mkdir(s.own, 0o700); err != nil {
		return nil, fmt.Errorf("make the scratch folder: %w", err)
	}
	if s.lock, err = lockFolder(s.own, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	return s, s.sweep()
}

// lockFolder holds a lock that ends with the process, however it ends.
func lockFolder(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
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
		err = os.RemoveAll(dir)
		_ = lock.Close()
		if err != nil {
			return fmt.Errorf("remove a left-over scratch folder: %w", err)
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

// Remove removes the folder of a run.
func (s *Scratch) Remove(runID string) error {
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

// Close removes this process's folder, the quarantine not.
func (s *Scratch) Close() error {
	err := os.RemoveAll(s.own)
	_ = s.lock.Close()
	return err
}
