package workspace

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const filesPrefix, foldersPrefix = "/api/2.0/fs/files", "/api/2.0/fs/directories"

func (w *Workspace) serveFiles(answer http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, foldersPrefix+"/") {
		if at, ok := w.locate(answer, r, foldersPrefix); ok {
			w.serveFolder(answer, r, at)
		}
		return
	}
	at, ok := w.locate(answer, r, filesPrefix)
	if !ok {
		return
	}
	switch r.Method {
	case http.MethodPut:
		w.putFile(answer, r, at)
	case http.MethodGet, http.MethodHead:
		getFile(answer, r, at)
	case http.MethodDelete:
		if !isFile(at.local) {
			missing(answer, "file")
			return
		}
		if err := os.Remove(at.local); err != nil {
			broken(answer, err)
			return
		}
		answer.WriteHeader(http.StatusNoContent)
	default:
		refuse(answer, http.StatusMethodNotAllowed, "BAD_REQUEST", "Method not allowed")
	}
}

// putFile stores a file whole or not at all: what is cut on the way changes nothing.
func (w *Workspace) putFile(answer http.ResponseWriter, r *http.Request, at place) {
	if at.root || isDir(at.local) {
		refuseFile(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "FILES_API_PATH_IS_A_DIRECTORY", "The path being uploaded to is a directory.")
		return
	}
	if r.URL.Query().Get("overwrite") != "true" && isFile(at.local) {
		refuseFile(answer, http.StatusConflict, "ALREADY_EXISTS", "FILES_API_FILE_ALREADY_EXISTS", "The file being created already exists.")
		return
	}
	if r.ContentLength > w.options.MaxFile {
		tooLarge(answer)
		return
	}
	size, err := w.store(r.Body, at.local)
	switch {
	case err == nil:
		answer.WriteHeader(http.StatusNoContent)
	case size > w.options.MaxFile:
		tooLarge(answer)
	case errors.Is(err, io.ErrUnexpectedEOF):
		panic(http.ErrAbortHandler) // the client is gone
	default:
		broken(answer, err)
	}
}

func tooLarge(answer http.ResponseWriter) {
	refuseFile(answer, http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "FILES_API_FILE_TOO_LARGE", "The file being uploaded is larger than the limit.")
}

func (w *Workspace) store(body io.Reader, local string) (size int64, err error) {
	if err := os.MkdirAll(filepath.Dir(local), 0o755); err != nil { // folders on the way come with the file
		return 0, err
	}
	partial, err := os.CreateTemp(w.Dir, ".upload-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(partial.Name())
	size, err = io.Copy(partial, io.LimitReader(body, w.options.MaxFile+1))
	if err == nil && size > w.options.MaxFile {
		err = errors.New("too large")
	}
	err = errors.Join(err, partial.Chmod(0o644), partial.Close())
	if err == nil {
		err = os.Rename(partial.Name(), local)
	}
	return size, err
}

func getFile(answer http.ResponseWriter, r *http.Request, at place) {
	if !isFile(at.local) {
		missing(answer, "file")
		return
	}
	info, err := os.Stat(at.local)
	if err != nil {
		broken(answer, err)
		return
	}
	answer.Header().Set("Content-Type", "application/octet-stream")
	answer.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	answer.Header().Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	if r.Method == http.MethodHead {
		return
	}
	file, err := os.Open(at.local)
	if err != nil {
		broken(answer, err)
		return
	}
	defer file.Close() //nolint:errcheck // only read
	_, _ = io.Copy(answer, file)
}

func broken(answer http.ResponseWriter, err error) {
	refuse(answer, http.StatusInternalServerError, "INTERNAL_ERROR", err.Error())
}
