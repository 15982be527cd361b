package workspace

import (
	"encoding/base64"
	"net/http"
	"os"
	"strconv"
)

func (w *Workspace) serveFolder(answer http.ResponseWriter, r *http.Request, at place) {
	switch r.Method {
	case http.MethodPut:
		if isFile(at.local) {
			refuseFile(answer, http.StatusConflict, "ALREADY_EXISTS", "FILES_API_FILE_ALREADY_EXISTS", "A file exists at the path of the directory being created.")
		} else if err := os.MkdirAll(at.local, 0o755); err != nil {
			broken(answer, err)
		} else {
			answer.WriteHeader(http.StatusNoContent)
		}
	case http.MethodGet:
		w.listFolder(answer, r, at)
	case http.MethodHead:
		if entries, err := os.ReadDir(at.local); err != nil || at.root && len(entries) == 0 {
			missing(answer, "directory")
		}
	case http.MethodDelete:
		deleteFolder(answer, at)
	default:
		refuse(answer, http.StatusMethodNotAllowed, "BAD_REQUEST", "Method not allowed")
	}
}

func deleteFolder(answer http.ResponseWriter, at place) {
	entries, err := os.ReadDir(at.local)
	switch {
	case err != nil:
		missing(answer, "directory")
	case len(entries) > 0:
		refuseFile(answer, http.StatusBadRequest, "BAD_REQUEST", "FILES_API_DIRECTORY_IS_NOT_EMPTY", "The directory being deleted is not empty.")
	case at.root:
		refuseFile(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "FILES_API_INVALID_PATH", "The root of a volume cannot be deleted.")
	default:
		if err := os.Remove(at.local); err != nil {
			broken(answer, err)
			return
		}
		answer.WriteHeader(http.StatusNoContent)
	}
}

// listFolder lists in pages. A page token says where the next one begins.
func (w *Workspace) listFolder(answer http.ResponseWriter, r *http.Request, at place) {
	entries, err := os.ReadDir(at.local)
	if err != nil || at.root && len(entries) == 0 {
		missing(answer, "directory")
		return
	}
	from := 0
	if token := r.URL.Query().Get("page_token"); token != "" {
		text, err := base64.URLEncoding.DecodeString(token)
		if from, err = pageStart(text, err); err != nil || from > len(entries) {
			refuse(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "Invalid page token")
			return
		}
	}
	to := min(from+w.options.PageSize, len(entries))
	contents := []object{}
	for _, entry := range entries[from:to] {
		info, err := entry.Info()
		if err != nil {
			continue // deleted meanwhile
		}
		found := object{"path": at.path + "/" + entry.Name(), "name": entry.Name(), "is_directory": entry.IsDir(), "last_modified": info.ModTime().UnixMilli()}
		if !entry.IsDir() {
			found["file_size"] = info.Size()
		}
		contents = append(contents, found)
	}
	page := object{"contents": contents}
	if to < len(entries) {
		page["next_page_token"] = base64.URLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	reply(answer, http.StatusOK, page)
}

func pageStart(text []byte, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}
