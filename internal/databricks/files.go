package databricks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/httpclient"
	"github.com/databricks/databricks-sdk-go/service/files"
)

// MaxFile is the size of the largest file that the Files API takes in one request, in bytes
// (docs.databricks.com/aws/en/volumes/files-api: 5000 MiB).
const MaxFile = 5000 << 20

// Upload copies a local file to a path in a volume, and replaces what is there. Folders on the way come with it. When
// it returns without an error, the volume has the file with the size of the local one.
//
// The file is streamed, and read again from its beginning for every try.
func (w *Workspace) Upload(ctx context.Context, localPath, volumePath string) error {
	a, err := w.volumeAdvice("upload "+localPath+" to "+volumePath, volumePath)
	if err != nil {
		return err
	}
	file, err := os.Open(localPath)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if info.Size() > MaxFile {
		return fmt.Errorf("%w: %s has %d bytes, and at most %d can be uploaded; write smaller files", ErrTooLarge, localPath, info.Size(), int64(MaxFile))
	}
	err = w.withFile(ctx, func() error { return w.put(ctx, file, info.Size(), volumePath) })
	if err != nil {
		return w.failed(ctx, err, a)
	}
	return w.verify(ctx, info.Size(), volumePath, a)
}

// put sends the file once. Its body cannot be rewound, which keeps the SDK from trying again on its own: an earlier try may still
// be reading, and would take bytes from a reader that both share.
func (w *Workspace) put(ctx context.Context, file io.ReaderAt, size int64, volumePath string) error {
	headers := map[string]string{"Content-Type": "application/octet-stream"}
	if w.cfg.WorkspaceID != "" {
		headers["X-Databricks-Workspace-Id"] = w.cfg.WorkspaceID
	}
	body := struct{ io.Reader }{io.NewSectionReader(file, 0, size)}
	withSize := func(r *http.Request) error {
		r.ContentLength = size // without it, the request would be chunked, and the server could not tell a whole one
		return nil
	}
	return w.client.Do(ctx, http.MethodPut, "/api/2.0/fs/files"+httpclient.EncodeMultiSegmentPathParameter(volumePath),
		headers, map[string]any{"overwrite": true}, body, nil, withSize)
}

func (w *Workspace) verify(ctx context.Context, size int64, volumePath string, a advice) error {
	var stored *files.GetMetadataResponse
	err := w.withFile(ctx, func() (err error) {
		stored, err = w.files.GetMetadata(ctx, files.GetMetadataRequest{FilePath: volumePath})
		return err
	})
	if err != nil {
		return w.failed(ctx, err, a)
	}
	if stored.ContentLength != size {
		return fmt.Errorf("%w: %s has %d of %d bytes after it was uploaded; upload it again", ErrIncomplete, volumePath, stored.ContentLength, size)
	}
	return nil
}

// Entry is a file or a folder in a volume.
type Entry struct {
	Name     string // without its folder
	IsDir    bool
	Size     int64 // in bytes; of files
	Modified time.Time
}

// List returns what is in a folder of a volume, not below. A folder that is not there is an empty one: Databricks answers so even
// for the root of a volume that has no files (databricks/cli issue 5834), so a volume that is missing shows at Upload.
func (w *Workspace) List(ctx context.Context, folder string) ([]Entry, error) {
	a, err := w.volumeAdvice("list "+folder, folder)
	if err != nil {
		return nil, err
	}
	var found []files.DirectoryEntry
	err = w.withFile(ctx, func() (err error) {
		found, err = w.files.ListDirectoryContentsAll(ctx, files.ListDirectoryContentsRequest{DirectoryPath: folder})
		return err
	})
	if err = w.failed(ctx, err, a); errors.Is(err, ErrMissing) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(found))
	for i, f := range found {
		entries[i] = Entry{Name: path.Base(f.Path), IsDir: f.IsDirectory, Size: f.FileSize, Modified: time.UnixMilli(f.LastModified).UTC()}
	}
	return entries, nil
}

// volumeAdvice checks that a path is in a volume, and says what is needed there.
func (w *Workspace) volumeAdvice(what, volumePath string) (advice, error) {
	parts := strings.Split(strings.TrimPrefix(volumePath, "/Volumes/"), "/")
	if !strings.HasPrefix(volumePath, "/Volumes/") || path.Clean(volumePath) != volumePath || len(parts) < 3 {
		return advice{}, fmt.Errorf("%w: %q is not a path in a volume; write /Volumes/CATALOG/SCHEMA/VOLUME/…", ErrInvalid, volumePath)
	}
	catalog, schema := parts[0], parts[0]+"."+parts[1]
	volume := schema + "." + parts[2]
	return advice{
		what: what,
		denied: fmt.Sprintf("grant %s USE CATALOG on catalog %s, USE SCHEMA on schema %s, and READ VOLUME and WRITE VOLUME on volume %s",
			w.identity(), catalog, schema, volume),
		missing: fmt.Sprintf("check that the catalog %s, the schema %s and the volume %s exist (CREATE VOLUME %s) and that %s may see them, or correct lake.staging",
			catalog, schema, volume, volume, w.identity()),
	}, nil
}
