package databricks

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/files"
	"golang.org/x/sync/errgroup"
)

// Remove deletes a folder of a volume with all that is in it. A folder that is not there is no error. The volume itself
// is refused.
func (w *Workspace) Remove(ctx context.Context, folder string) error {
	a, err := w.volumeAdvice("remove "+folder, folder)
	if err != nil {
		return err
	}
	if strings.Count(folder, "/") < 5 {
		return fmt.Errorf("%w: %s is a whole volume, not a folder in one", ErrInvalid, folder)
	}
	return w.removeAll(ctx, folder, a)
}

// removeAll empties the folder first: the Files API deletes only empty ones.
func (w *Workspace) removeAll(ctx context.Context, folder string, a advice) error {
	entries, err := w.List(ctx, folder)
	if err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	for _, e := range entries {
		if e.IsDir {
			continue
		}
		group.Go(func() error {
			return w.removed(inner, a, func() error {
				return w.files.Delete(inner, files.DeleteFileRequest{FilePath: path.Join(folder, e.Name)})
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir {
			continue
		}
		if err := w.removeAll(ctx, path.Join(folder, e.Name), a); err != nil {
			return err
		}
	}
	return w.removed(ctx, a, func() error {
		return w.files.DeleteDirectory(ctx, files.DeleteDirectoryRequest{DirectoryPath: folder})
	})
}

// removed takes what is gone for removed: a try whose answer was lost may have done it.
func (w *Workspace) removed(ctx context.Context, a advice, remove func() error) error {
	err := w.failed(ctx, w.withFile(ctx, remove), a)
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}
