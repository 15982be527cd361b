package sparksql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// staging is where staged files go. Folders and names are relative to it; paths are as SQL reads them.
type staging interface {
	put(ctx context.Context, from, folder, name string) (path string, err error)
	remove(ctx context.Context, folder string) error // what is not there is removed
	folders(ctx context.Context) (map[string]time.Time, error)
}

// Stage implements lake.Lake.
func (l *Lake) Stage(ctx context.Context, batchID string, files []table.File) ([]table.File, error) {
	folder, err := stagingFolder(batchID)
	if err != nil {
		return nil, err
	}
	staged := make([]table.File, len(files))
	for i, file := range files {
		staged[i] = file
		if staged[i].Path, err = l.staging.put(ctx, file.Path, folder, fmt.Sprintf("%05d.parquet", i)); err != nil {
			return nil, fmt.Errorf("stage batch %s: %w", batchID, l.translateStaging(ctx, err))
		}
	}
	return staged, nil
}

// Unstage implements lake.Lake.
func (l *Lake) Unstage(ctx context.Context, batchID string) error {
	folder, err := stagingFolder(batchID)
	if err != nil {
		return err
	}
	if err := l.staging.remove(ctx, folder); err != nil {
		return fmt.Errorf("unstage %s: %w", batchID, l.translateStaging(ctx, err))
	}
	return nil
}

// Sweep implements lake.Lake. All batches of a run are in one folder.
func (l *Lake) Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error) {
	folders, err := l.staging.folders(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", l.translateStaging(ctx, err))
	}
	for folder, touched := range folders {
		if time.Since(touched) < olderThan {
			continue
		}
		if err := l.staging.remove(ctx, folder); err != nil {
			return removed, fmt.Errorf("sweep: %w", l.translateStaging(ctx, err))
		}
		removed++
	}
	return removed, nil
}

// translateStaging gives errors of a staging area the lake's names, and says what to do.
func (l *Lake) translateStaging(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: this process cannot write to lake.staging: give it the right to: %w", lake.ErrDenied, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("lake.staging is full: free space there or raise its quota, and run again: %w", err)
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(*os.LinkError)):
		return err
	}
	return l.translate(ctx, err)
}

// stagingFolder writes a batch's id as a path: letters, digits and hyphens stay, any other byte becomes _XX. Spark gives
// = and a leading _ or . a meaning of their own.
func stagingFolder(batchID string) (string, error) {
	if batchID == "" {
		return "", errors.New("stage: a batch needs an id")
	}
	var b strings.Builder
	for part := range strings.SplitSeq(batchID, "/") {
		if b.Len() > 0 {
			b.WriteByte('/')
		}
		b.WriteByte('b')
		for i := range len(part) {
			if c := part[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "_%02X", c)
			}
		}
	}
	return b.String(), nil
}

// folder is a staging area that the SQL server and this process see under one path.
type folder string

func openFolder(dir string) (folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("%w: the staging folder %s cannot be made; change its owner or rights, or correct lake.staging: %w", lake.ErrSetup, dir, err)
	}
	return folder(dir), nil
}

func (f folder) put(_ context.Context, from, batch, name string) (string, error) {
	to := filepath.Join(string(f), filepath.FromSlash(batch), name)
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return "", err
	}
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(to); err == nil {
			return to, nil // an earlier call moved it
		}
	}
	if os.Rename(from, to) == nil {
		return to, os.Chmod(to, 0o644) // another user reads it
	}
	return to, copyFile(from, to)
}

// copyFile copies to a name of its own first, so that no half file is ever read.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	part := to + ".part"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return nil
}

func (f folder) remove(_ context.Context, batch string) error {
	return os.RemoveAll(filepath.Join(string(f), filepath.FromSlash(batch)))
}

func (f folder) folders(context.Context) (map[string]time.Time, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	touched := map[string]time.Time{}
	for _, entry := range entries {
		err := filepath.WalkDir(filepath.Join(string(f), entry.Name()), func(_ string, inner os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := inner.Info()
			if err == nil && info.ModTime().After(touched[entry.Name()]) {
				touched[entry.Name()] = info.ModTime()
			}
			return err
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a run may just remove its own
			return nil, err
		}
	}
	return touched, nil
}
