package delta

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"
)

// The points at which tests let a commit fail or die.
const (
	stageBegin          = "begin"          // nothing written
	stageTemp           = "temp"           // the temporary file is on disk
	stageLinked         = "linked"         // the commit is visible, its temporary file still there
	stageDone           = "done"           // before a checkpoint that is due
	stageCheckpoint     = "checkpoint"     // the checkpoint is written, not yet renamed
	stageLastCheckpoint = "lastCheckpoint" // renamed, but _last_checkpoint is old
)

func (t *Table) fail(stage string) error {
	if t.fault == nil {
		return nil
	}
	return t.fault(stage)
}

// put makes a commit file if its version is free, and returns fs.ErrExist if not. The file is whole
// and on disk before link(2) gives it its name; link fails when the name is taken, on every file system that has hard links.
// There is no second way for file systems without: creating the file in place would show
// readers half a commit, and leave it there after a crash. A writer that dies leaves at most its temporary
// file, which readers ignore and Vacuum removes.
func (t *Table) put(version int64, body []byte, at time.Time) error {
	path := t.commitPath(version)
	temp := filepath.Join(t.logDir(), fmt.Sprintf(".%s.%s.tmp", filepath.Base(path), uuid.NewString()))
	defer func() { _ = os.Remove(temp) }() // harmless when it stays
	if err := writeSynced(temp, body, at); err != nil {
		return fmt.Errorf("write the commit: %w", err)
	}
	if err := t.fail(stageTemp); err != nil {
		return err
	}
	if err := link(temp, path); err != nil {
		return err
	}
	if err := t.fail(stageLinked); err != nil {
		return fmt.Errorf("%w: version %d: %w", ErrUncertain, version, err)
	}
	if err := syncDir(t.logDir()); err != nil {
		return fmt.Errorf("%w: version %d is in the log, but its folder could not be synced to disk: %w", ErrUncertain, version, err)
	}
	return nil
}

// link names a file, with an answer that is certain where the system call's is not (a network file system
// may have made the link and lost the reply).
func link(temp, path string) error {
	err := os.Link(temp, path)
	if err == nil {
		return nil
	}
	mine, tempErr := os.Stat(temp)
	there, pathErr := os.Stat(path)
	switch {
	case tempErr == nil && pathErr == nil && os.SameFile(mine, there):
		return nil
	case pathErr == nil && tempErr == nil:
		return fs.ErrExist
	case errors.Is(pathErr, fs.ErrNotExist):
		return fmt.Errorf("name the commit: %w (the lake's file system must support hard links; see the manual)", err)
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err)
}

// writeSynced writes a new file that is on disk, with its modification time, when it returns.
func writeSynced(path string, data []byte, at time.Time) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	// Other readers take the file's time for the commit's.
	if err := os.Chtimes(path, at, at); err != nil {
		return err
	}
	return f.Sync()
}

// syncDir makes the names in a folder durable. Windows cannot, and needs not.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// makeLog makes the folders of a new table, durably.
func (t *Table) makeLog() error {
	if err := os.MkdirAll(t.logDir(), 0o755); err != nil {
		return fmt.Errorf("make the log folder: %w", err)
	}
	parent := filepath.Dir(t.dir)
	return errors.Join(syncDir(t.dir), syncDir(parent), syncDir(filepath.Dir(parent)))
}

// syncFiles checks that the added files are there, whole, and syncs them and their folders up to the table's. A file that the
// transaction adds again, with another deletion vector, is on disk since it was first added.
func (t *Table) syncFiles(tx *Tx) error {
	again := map[string]bool{}
	for _, a := range tx.Removes {
		again[a.decodedPath()] = true
	}
	folders := map[string]bool{}
	for i := range tx.Adds {
		a := &tx.Adds[i]
		path := a.LocalPath(t.dir)
		if err := syncFile(path, a.Size, !again[a.key]); err != nil {
			return fmt.Errorf("data file %s: %w", a.Path, err)
		}
		if a.DeletionVector != nil {
			if _, err := t.DeletedRows(a); err != nil {
				return err
			}
			folders[t.dir] = true
		}
		for dir := filepath.Dir(path); !again[a.key] && !folders[dir]; dir = filepath.Dir(dir) {
			folders[dir] = true
			if len(dir) <= len(filepath.Clean(t.dir)) {
				break
			}
		}
	}
	for dir := range folders {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("sync a folder: %w", err)
		}
	}
	return nil
}

func syncFile(path string, size int64, toDisk bool) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return fmt.Errorf("%w: it has %d bytes, the transaction says %d", ErrInvalid, info.Size(), size)
	}
	if !toDisk {
		return nil
	}
	return f.Sync()
}
