package databricks

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	fake "tributary/internal/testserver/workspace"
)

const staging = "/Volumes/main/central/staging"

func local(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.parquet")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func stored(t *testing.T, w *fake.Workspace, volumePath string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.Dir, volumePath))
	require.NoError(t, err)
	return string(data)
}

func TestUpload(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened := open(t, w)
	for name, c := range map[string]struct{ path, content string }{
		"OK":                    {staging + "/a.parquet", "one"},
		"OK replaced":           {staging + "/a.parquet", "longer than one"},
		"OK shorter":            {staging + "/a.parquet", "1"},
		"OK folders on the way": {staging + "/run/1/try/2/a.parquet", "two"},
		"OK empty":              {staging + "/empty", ""},
		"OK odd name":           {staging + "/ä b%41/c+d#e?f.parquet", "odd"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, opened.Upload(context.Background(), local(t, c.content), c.path))
			require.Equal(t, c.content, stored(t, w, c.path))
		})
	}
}

// sparse makes a large file that takes no room, with something to recognise at both ends.
func sparse(t *testing.T, size int64) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "large"))
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("begin"), 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("end"), size-3)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return file.Name()
}

func digest(t *testing.T, path string) [32]byte {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	require.NoError(t, err)
	return [32]byte(sum.Sum(nil))
}

const large = 64 << 20

func TestUploadStreams(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened, file := open(t, w), sparse(t, large)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, opened.Upload(context.Background(), file, staging+"/large"))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(large/4), "the file passed through memory as a whole")
	require.Equal(t, digest(t, file), digest(t, filepath.Join(w.Dir, staging, "large")))
}

func TestUploadBeginsAgain(t *testing.T) {
	for name, f := range map[string]fake.Fault{
		"cut in the middle":           {CutRequest: large / 2},
		"cut at the end":              {CutRequest: large + 1},
		"answer lost":                 {Lost: true},
		"no answer":                   {Status: http.StatusBadGateway},
		"busy while it still sends":   {Status: http.StatusTooManyRequests, Code: "REQUEST_LIMIT_EXCEEDED", RetryAfter: 1},
		"away while it still sends":   {Status: http.StatusServiceUnavailable, Code: "TEMPORARILY_UNAVAILABLE"},
		"broken while it still sends": {Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR"},
	} {
		t.Run("OK "+name, func(t *testing.T) {
			t.Parallel()
			w := fake.Start(t, fake.Options{})
			opened, file := open(t, w), sparse(t, large)
			f.Method, f.Prefix = http.MethodPut, "/api/2.0/fs/files/"
			w.Fail(f)
			require.NoError(t, opened.Upload(context.Background(), file, staging+"/large"))
			require.Equal(t, digest(t, file), digest(t, filepath.Join(w.Dir, staging, "large")))
			require.Equal(t, 2, w.Count(http.MethodPut, "/api/2.0/fs/files/"))
		})
	}
}

func TestUploadThatArrivesIncompleteIsAnError(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened := open(t, w)
	w.Fail(fake.Fault{Method: http.MethodPut, Truncate: 3})
	err := opened.Upload(context.Background(), local(t, "whole"), staging+"/a")
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "3 of 5 bytes")
}

func TestUploadRefused(t *testing.T) {
	w := fake.Start(t, fake.Options{MaxFile: 10})
	opened := open(t, w)
	for name, c := range map[string]struct {
		deny, path, content string
		fault               fake.Fault
		want                error
		says                []string
	}{
		"ErrDenied write":      {deny: "WRITE VOLUME main.central.staging", want: ErrDenied, says: []string{"WRITE VOLUME on volume main.central.staging", w.ClientID}},
		"ErrDenied schema":     {deny: "USE SCHEMA main.central", want: ErrDenied, says: []string{"USE SCHEMA on schema main.central"}},
		"ErrDenied catalog":    {deny: "USE CATALOG main", want: ErrDenied, says: []string{"USE CATALOG on catalog main"}},
		"ErrMissing catalog":   {path: "/Volumes/none/central/staging/a", want: ErrMissing, says: []string{"Catalog 'none' does not exist", "lake.staging"}},
		"ErrMissing schema":    {path: "/Volumes/main/none/staging/a", want: ErrMissing, says: []string{"Schema 'main.none' does not exist"}},
		"ErrMissing volume":    {path: "/Volumes/main/central/none/a", want: ErrMissing, says: []string{"CREATE VOLUME main.central.none"}},
		"ErrInvalid no volume": {path: "/tmp/a", want: ErrInvalid, says: []string{"/Volumes/CATALOG/SCHEMA/VOLUME"}},
		"ErrInvalid dots":      {path: staging + "/../a", want: ErrInvalid, says: []string{"not a path in a volume"}},
		"ErrInvalid volume":    {path: staging, want: ErrInvalid, says: []string{"is a directory"}},
		"ErrTooLarge":          {content: "eleven bytes", want: ErrTooLarge, says: []string{"smaller files"}},
		"ErrFull":              {fault: fake.Fault{Status: http.StatusInsufficientStorage, Code: "QUOTA_EXCEEDED", Message: "quota"}, want: ErrFull, says: []string{"make room"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.deny != "" {
				w.Deny(c.deny)
				defer w.Allow(c.deny)
			}
			if c.fault.Status != 0 {
				c.fault.Method = http.MethodPut
				w.Fail(c.fault)
			}
			if c.path == "" {
				c.path = staging + "/refused"
			}
			err := opened.Upload(context.Background(), local(t, c.content), c.path)
			require.ErrorIs(t, err, c.want)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
			require.NoFileExists(t, filepath.Join(w.Dir, staging, "refused"))
		})
	}
	t.Run("ErrTooLarge before it is sent", func(t *testing.T) {
		before := w.Count(http.MethodPut, "/")
		require.ErrorIs(t, opened.Upload(context.Background(), sparse(t, MaxFile+1), staging+"/a"), ErrTooLarge)
		require.Equal(t, before, w.Count(http.MethodPut, "/"))
	})
	t.Run("ErrNotExist no such file here", func(t *testing.T) {
		require.ErrorIs(t, opened.Upload(context.Background(), "/no/such/file", staging+"/a"), os.ErrNotExist)
	})
	t.Run("Err cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, opened.Upload(ctx, local(t, "x"), staging+"/a"), context.Canceled)
	})
}

func TestListAndRemove(t *testing.T) {
	w := fake.Start(t, fake.Options{PageSize: 3})
	opened, ctx := open(t, w), context.Background()
	t.Run("OK nothing there", func(t *testing.T) {
		for _, folder := range []string{staging, staging + "/none"} {
			entries, err := opened.List(ctx, folder)
			require.NoError(t, err)
			require.Empty(t, entries)
		}
		require.NoError(t, opened.Remove(ctx, staging+"/none"))
	})
	file := local(t, "content")
	for i := range 8 { // in pages
		require.NoError(t, opened.Upload(ctx, file, staging+"/run 1/"+strconv.Itoa(i)))
	}
	require.NoError(t, opened.Upload(ctx, file, staging+"/run 1/deep/er/file"))
	require.NoError(t, opened.Upload(ctx, file, staging+"/run 2/kept"))
	t.Run("OK listed", func(t *testing.T) {
		entries, err := opened.List(ctx, staging+"/run 1")
		require.NoError(t, err)
		require.Len(t, entries, 9)
		require.Equal(t, "0", entries[0].Name)
		require.False(t, entries[0].IsDir)
		require.Equal(t, int64(7), entries[0].Size)
		require.WithinDuration(t, time.Now(), entries[0].Modified, time.Hour)
		require.Equal(t, "deep", entries[8].Name)
		require.True(t, entries[8].IsDir)
	})
	t.Run("ErrDenied list", func(t *testing.T) {
		w.Deny("READ VOLUME main.central.staging")
		defer w.Allow("READ VOLUME main.central.staging")
		_, err := opened.List(ctx, staging)
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "READ VOLUME")
	})
	t.Run("OK removed, even when an answer is lost", func(t *testing.T) {
		w.Fail(fake.Fault{Method: http.MethodDelete, After: 2, Status: http.StatusBadGateway})
		require.NoError(t, opened.Remove(ctx, staging+"/run 1"))
		require.NoDirExists(t, filepath.Join(w.Dir, staging, "run 1"))
		require.Equal(t, "content", stored(t, w, staging+"/run 2/kept"))
	})
	t.Run("ErrInvalid a whole volume", func(t *testing.T) {
		require.ErrorIs(t, opened.Remove(ctx, staging), ErrInvalid)
		require.Equal(t, "content", stored(t, w, staging+"/run 2/kept"))
	})
	t.Run("ErrDenied remove", func(t *testing.T) {
		w.Deny("WRITE VOLUME main.central.staging")
		err := opened.Remove(ctx, staging+"/run 2")
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "WRITE VOLUME")
	})
}
