package config

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tributary/config/strict"
)

// Kinds of lake.
const (
	LakeLocal      = "local"      // Delta tables in a folder
	LakeSpark      = "spark"      // an open-source Spark Thrift server with Delta Lake
	LakeDatabricks = "databricks" // a SQL warehouse
)

var lakeKinds = []string{LakeLocal, LakeSpark, LakeDatabricks}

// Defaults of a local lake.
const (
	defaultLakePath   = "lake"
	defaultLakeMemory = "1GB"
)

func defaults(dir string) Config {
	return Config{
		Dir:     dir,
		Lake:    Lake{Kind: LakeLocal, Path: defaultLakePath, Memory: defaultLakeMemory, StatementTimeout: 2 * time.Hour},
		Clients: Clients{Timeout: 10 * time.Second, Retries: 3},
		Worker:  Worker{Health: "127.0.0.1:8090", MaxSources: 8, StopTimeout: 30 * time.Second},
		Scratch: Scratch{Path: filepath.Join(os.TempDir(), "tributary"), Memory: "1GB"},
	}
}

// readSettings fills the config from tributary.yaml and the environment, and checks it.
func readSettings(f *strict.File, into *Config) {
	c := defaults(into.Dir)
	f.Decode(&c)
	s := settings{checker: checker{f}, overrides: override(f, &c)}
	if f.Parsed() {
		s.lake(c.Lake)
		s.clients(c.Clients)
		c.Limits.Check(func(key, problem, fix string) { s.add("limits."+key, problem, fix) })
		scoped("clients.token", c.Clients.Token, c.Lake.Kind, s.add)
		s.worker(&c.Worker)
		s.memory("scratch.memory", c.Scratch.Memory)
		s.atLeast("scratch.threads", int64(c.Scratch.Threads), 0)
		s.required("scratch.path", c.Scratch.Path)
	}
	for _, path := range []*string{&c.Lake.Path, &c.Temporal.ConfigFile, &c.Clients.File, &c.Scratch.Path} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(into.Dir, *path)
		}
	}
	*into = c
}

// settings checks values that may come from the environment instead of the file.
type settings struct {
	checker
	overrides map[string]string // key → the variable that set it
}

// add blames the environment variable that set the key, where one did.
func (s settings) add(key, problem, fix string) {
	if variable, ok := s.overrides[key]; ok {
		s.Faults = append(s.Faults, Fault{File: environment, Key: variable, Problem: problem, Fix: fix})
		return
	}
	s.Add(key, problem, fix)
}

func (s settings) required(key, value string) {
	if value == "" {
		s.add(key, "is missing", "give it a value")
	}
}

func (s settings) atLeast(key string, value, least int64) {
	if problem, fix := tooSmall(value, least); problem != "" {
		s.add(key, problem, fix)
	}
}

var memorySize = regexp.MustCompile(`(?i)^[1-9][0-9]*(\.[0-9]+)? ?([KMGT]i?B)$`)

func (s settings) memory(key, value string) {
	if !memorySize.MatchString(value) {
		s.add(key, "is not a size", "write a number and its unit, such as 512MB or 1GB")
	}
}

func (s settings) clients(c Clients) {
	switch {
	case c.File == "" && c.URL == "":
		s.add("clients", "has neither file nor url", "say where the clients come from, such as file: clients.yaml")
	case c.File != "" && c.URL != "":
		s.add("clients", "has both file and url", "keep one")
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		s.add("clients.url", "is not the address of a service", "write https://host/path")
	} else if c.URL != "" && u.User != nil {
		s.add("clients.url", "has a user or a password in it", "remove them, and name a bearer token with clients.token: env:NAME")
	}
	if c.Token != "" {
		s.reference("clients.token", c.Token, s.add)
	}
	s.atLeast("clients.retries", int64(c.Retries), 0)
	s.atLeast("clients.timeout", int64(c.Timeout), 1)
}

func (s settings) worker(w *Worker) {
	if w.Health == "off" {
		w.Health = ""
	}
	if _, port, err := net.SplitHostPort(w.Health); w.Health != "" && (err != nil || port == "") {
		s.add("worker.health", "is not an address to listen on", "write host:port, such as 127.0.0.1:8090, or off")
	}
	for i, role := range w.Roles {
		if !contains(Roles, role) {
			s.add(s.element("worker.roles", i), unknownValue(role), strict.OneOf(Roles))
		}
	}
	s.names("worker.regions", w.Regions, s.element, s.add)
	s.atLeast("worker.max_sources", int64(w.MaxSources), 1)
	s.atLeast("worker.stop_timeout", int64(w.StopTimeout), 0)
}

// element is the key of a list's element, or of the whole list when one variable set it.
func (s settings) element(key string, i int) string {
	if _, ok := s.overrides[key]; ok {
		return key
	}
	return element(key, i)
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return w == word
		}
	}
	return false
}
