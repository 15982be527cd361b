package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tributary/config/strict"
)

const settingsName = "tributary"

// Load reads and checks a configuration directory. Its error is ErrInvalid with Faults, which has everything that is
// wrong, or the operating system's when a file cannot be read.
func Load(dir string) (*Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	l := loader{config: &Config{Dir: dir}}
	if err := l.load(files); err != nil {
		return nil, err
	}
	if err := l.faults.Err(); err != nil {
		return nil, fmt.Errorf("%w (%s):\n%w", ErrInvalid, dir, err)
	}
	return l.config, nil
}

// file is a file of the directory that may be configuration.
type file struct{ path, base, stem string }

func list(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("configuration directory: %w; name it with --config (-c) or TRIBUTARY_CONFIG", err)
	}
	var files []file
	for _, e := range entries {
		extension := filepath.Ext(e.Name())
		known := slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(extension))
		if known && !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			stem := strings.TrimSuffix(e.Name(), extension)
			files = append(files, file{filepath.Join(dir, e.Name()), e.Name(), stem})
		}
	}
	return files, nil
}

type loader struct {
	config *Config
	faults Faults
}

func (l *loader) load(files []file) error {
	settings, syncs := l.sort(files)
	if err := l.loadSettings(settings); err != nil {
		return err
	}
	// The clients' file may have any name; it is known only now.
	syncs = slices.DeleteFunc(syncs, func(f file) bool { return f.path == l.config.Clients.File })
	if len(syncs) == 0 {
		l.add(Fault{File: l.config.Dir, Problem: "there is no sync", Fix: "add one, such as daily.yaml; config/example has a working set"})
	}
	return l.loadSyncs(syncs)
}

// sort tells the settings' file from the syncs', and reports stems that two files have.
func (l *loader) sort(files []file) (settings *file, syncs []file) {
	first := map[string]string{}
	for _, f := range files {
		stem := strings.ToLower(f.stem)
		if other, twice := first[stem]; twice {
			l.add(Fault{File: f.base, Problem: fmt.Sprintf("%s has the same name", other), Fix: "keep one of the two files"})
		} else if first[stem] = f.base; f.stem == settingsName {
			settings = &f
		} else if f.stem != clientsName {
			syncs = append(syncs, f)
		}
	}
	return settings, syncs
}

// clientsName is never a sync's: it is what the clients' file is usually called.
const clientsName = "clients"

func (l *loader) loadSettings(f *file) error {
	if f == nil {
		l.add(Fault{File: l.config.Dir, Problem: "there is no tributary.yaml", Fix: "add one with the keys lake and clients; config/example has a working set"})
		return nil
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	parsed := strict.Parse(f.base, data)
	readSettings(parsed, l.config)
	l.faults = append(l.faults, parsed.Faults...)
	return nil
}

var syncName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (l *loader) loadSyncs(files []file) error {
	var parsed []*strict.File
	for _, f := range files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		p := strict.Parse(f.base, data)
		sync := readSync(p, f.stem)
		if !syncName.MatchString(f.stem) {
			p.Add("", "the file's name is the sync's, and cannot be part of a workflow's id", "use at most 100 letters, digits, - and _")
		}
		l.config.Syncs = append(l.config.Syncs, sync)
		parsed = append(parsed, p)
	}
	checkAcross(l.config.Syncs, parsed)
	checkWithLake(l.config.Lake, l.config.Syncs, parsed)
	for _, p := range parsed {
		l.faults = append(l.faults, p.Faults...)
	}
	slices.SortFunc(l.config.Syncs, func(a, b Sync) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (l *loader) add(f Fault) { l.faults = append(l.faults, f) }
