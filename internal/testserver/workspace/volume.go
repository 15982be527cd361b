package workspace

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// place is where a path of the Files API is on the disk.
type place struct {
	path   string // /Volumes/…
	local  string
	volume string // catalog.schema.volume
	root   bool   // it is the volume itself
}

// locate finds a path's place, or refuses the request: it is in no volume, there is no such volume, or a grant is missing.
func (w *Workspace) locate(answer http.ResponseWriter, r *http.Request, prefix string) (place, bool) {
	p := "/" + strings.Trim(strings.TrimPrefix(r.URL.Path, prefix), "/")
	parts := strings.Split(strings.TrimPrefix(p, "/Volumes/"), "/")
	if !strings.HasPrefix(p, "/Volumes/") || len(parts) < 3 || path.Clean(p) != p {
		refuseFile(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "FILES_API_INVALID_PATH",
			"Invalid path: "+p+". The path must be in the format /Volumes/<catalog>/<schema>/<volume>/...")
		return place{}, false
	}
	at := place{path: p, local: filepath.Join(w.Dir, filepath.FromSlash(p)), volume: strings.Join(parts[:3], "."), root: len(parts) == 3}
	return at, w.exists(answer, parts) && w.granted(answer, r, parts)
}

func (w *Workspace) exists(answer http.ResponseWriter, parts []string) bool {
	for level, name := range []string{"Catalog", "Schema", "Volume"} {
		full := strings.Join(parts[:level+1], ".")
		known := slices.ContainsFunc(w.options.Volumes, func(v string) bool { return v == full || strings.HasPrefix(v, full+".") })
		if !known {
			refuseFile(answer, http.StatusNotFound, "NOT_FOUND", strings.ToUpper(name)+"_DOES_NOT_EXIST", name+" '"+full+"' does not exist.")
			return false
		}
	}
	return true
}

// granted checks what Unity Catalog asks for: the way to the volume, and READ VOLUME, or WRITE VOLUME to change files.
func (w *Workspace) granted(answer http.ResponseWriter, r *http.Request, parts []string) bool {
	catalog, schema, volume := parts[0], strings.Join(parts[:2], "."), strings.Join(parts[:3], ".")
	need := []struct{ grant, kind, name string }{
		{"USE CATALOG", "Catalog", catalog}, {"USE SCHEMA", "Schema", schema}, {"READ VOLUME", "Volume", volume},
	}
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		need[2].grant = "WRITE VOLUME"
	}
	for _, n := range need {
		if w.isDenied(n.grant + " " + n.name) {
			refuseFile(answer, http.StatusForbidden, "PERMISSION_DENIED", "FILES_API_PERMISSION_DENIED", "User does not have "+n.grant+" on "+n.kind+" '"+n.name+"'.")
			return false
		}
	}
	return true
}

// missing answers for a file or a folder that is not there. The root of a volume without files is one (databricks/cli issue 5834).
func missing(answer http.ResponseWriter, what string) {
	refuseFile(answer, http.StatusNotFound, "NOT_FOUND", "FILES_API_"+strings.ToUpper(what)+"_IS_NOT_FOUND", "The "+what+" being accessed is not found.")
}

func isDir(local string) bool {
	info, err := os.Stat(local)
	return err == nil && info.IsDir()
}

func isFile(local string) bool {
	info, err := os.Stat(local)
	return err == nil && info.Mode().IsRegular()
}
