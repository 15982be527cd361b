package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is where a demo keeps everything.
type folder struct {
	path      string
	temporary bool // made by us, because none was named
}

// marker is the file by which a demo knows a folder as its own.
const marker = ".tributary-demo"

// contents are the things in the folder that a new demo replaces.
var contents = []string{"config", "lake", "scratch", "secrets", "sources", "worker.log", "temporal.log"}

// prepareFolder makes the folder, or clears one that an earlier demo left. Any other folder with
// something in it is refused.
func prepareFolder(path string) (folder, error) {
	f := folder{path: path}
	var err error
	if path == "" {
		f.temporary = true
		if f.path, err = os.MkdirTemp("", "tributary-demo-"); err != nil {
			return f, err
		}
	}
	if f.path, err = filepath.Abs(f.path); err != nil {
		return f, err
	}
	entries, err := os.ReadDir(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("--dir: %w; name another folder", err)
	}
	if _, err := os.Stat(f.in(marker)); err != nil && len(entries) > 0 {
		return f, fmt.Errorf("--dir: %s is not empty, and no earlier demo made it: nothing in it was touched; name a new or empty folder", f.path)
	}
	for _, name := range contents {
		if err := os.RemoveAll(f.in(name)); err != nil {
			return f, err
		}
	}
	for _, name := range []string{"config", "sources"} {
		if err := os.MkdirAll(f.in(name), 0o755); err != nil {
			return f, err
		}
	}
	if err := os.Mkdir(f.in("secrets"), 0o700); err != nil {
		return f, err
	}
	return f, os.WriteFile(f.in(marker), []byte("`make demo` made this folder and replaces what is in it.\n"), 0o600)
}

func (f folder) in(elements ...string) string {
	return filepath.Join(append([]string{f.path}, elements...)...)
}

// secret makes a random secret in a file that only its owner reads, and returns it.
func (f folder) secret(name string) (string, error) {
	text := rand.Text()
	return text, os.WriteFile(f.in("secrets", name), []byte(text+"\n"), 0o600)
}
