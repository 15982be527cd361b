package config

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"tributary/config/strict"
)

// lakeSettings are the settings that only some kinds of lake have.
var lakeSettings = []struct {
	key   string
	kinds []string
	given func(Lake) bool
}{
	{"lake.path", []string{LakeLocal}, func(l Lake) bool { return l.Path != defaultLakePath }},
	{"lake.memory", []string{LakeLocal}, func(l Lake) bool { return l.Memory != defaultLakeMemory }},
	{"lake.threads", []string{LakeLocal}, func(l Lake) bool { return l.Threads != 0 }},
	{"lake.profile", []string{LakeDatabricks}, func(l Lake) bool { return l.Profile != "" }},
	{"lake.host", []string{LakeDatabricks}, func(l Lake) bool { return l.Host != "" }},
	{"lake.warehouse", []string{LakeDatabricks}, func(l Lake) bool { return l.Warehouse != "" }},
	{"lake.token", []string{LakeDatabricks}, func(l Lake) bool { return l.Token != "" }},
	{"lake.client_id", []string{LakeDatabricks}, func(l Lake) bool { return l.ClientID != "" }},
	{"lake.client_secret", []string{LakeDatabricks}, func(l Lake) bool { return l.ClientSecret != "" }},
	{"lake.url", []string{LakeSpark}, func(l Lake) bool { return l.URL != "" }},
	{"lake.user", []string{LakeSpark}, func(l Lake) bool { return l.User != "" }},
	{"lake.password", []string{LakeSpark}, func(l Lake) bool { return l.Password != "" }},
	{"lake.staging", []string{LakeSpark, LakeDatabricks}, func(l Lake) bool { return l.Staging != "" }},
}

func (s settings) lake(l Lake) {
	if !contains(lakeKinds, l.Kind) {
		s.add("lake.kind", unknownValue(l.Kind), strict.OneOf(lakeKinds))
		return
	}
	for _, setting := range lakeSettings {
		if setting.given(l) && !contains(setting.kinds, l.Kind) {
			s.add(setting.key, "is not a setting of a lake of kind "+l.Kind, "remove it, or change lake.kind to "+strings.Join(setting.kinds, " or "))
		}
	}
	s.atLeast("lake.statement_timeout", int64(l.StatementTimeout), 1)
	switch l.Kind {
	case LakeLocal:
		s.required("lake.path", l.Path)
		s.memory("lake.memory", l.Memory)
		s.atLeast("lake.threads", int64(l.Threads), 0)
	case LakeSpark:
		s.spark(l)
	case LakeDatabricks:
		s.databricks(l)
	}
}

func (s settings) spark(l Lake) {
	if u, err := url.Parse(l.URL); l.URL == "" {
		s.add("lake.url", "is missing", "name Spark's Thrift server in HTTP mode, such as http://spark:10001/cliservice")
	} else if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		s.add("lake.url", "is not the address of a Thrift server in HTTP mode", "write http://host:port/path, such as http://spark:10001/cliservice")
	} else if u.User != nil {
		s.add("lake.url", "has a user or a password in it", "remove them, and use lake.user and lake.password: env:NAME")
	}
	s.lakeSecret("lake.password", l.Password)
	if !path.IsAbs(l.Staging) {
		s.add("lake.staging", "is not an absolute path", "name a folder that Spark and every worker see under the same path")
	} else {
		s.plainPath(l.Staging)
	}
}

func (s settings) databricks(l Lake) {
	s.required("lake.warehouse", l.Warehouse)
	if l.Warehouse != "" && !plainWord(l.Warehouse) {
		s.add("lake.warehouse", "is not the id of a SQL warehouse", "write the id alone, from the end of the warehouse's HTTP path")
	}
	if u, err := url.Parse(l.Host); l.Host != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		s.add("lake.host", "is not the address of a workspace", "write https://… as in the browser, without a path")
	}
	s.lakeSecret("lake.token", l.Token)
	s.lakeSecret("lake.client_secret", l.ClientSecret)
	if (l.ClientID == "") != (l.ClientSecret == "") {
		s.add("lake.client_id", "and lake.client_secret are not both given", "give both, or none and let the profile or the environment say")
	}
	if l.Token != "" && l.ClientID != "" {
		s.add("lake.token", "and lake.client_id are both given", "keep one way to sign in")
	}
	if parts := strings.Split(strings.TrimPrefix(l.Staging, "/Volumes/"), "/"); !strings.HasPrefix(l.Staging, "/Volumes/") || len(parts) < 3 || contains(parts, "") {
		s.add("lake.staging", "is not a folder of a Unity Catalog volume", "write /Volumes/CATALOG/SCHEMA/VOLUME, or a folder below it")
	} else {
		s.plainPath(l.Staging)
	}
}

// plainPath refuses what Spark takes for a pattern or that ends an identifier.
func (s settings) plainPath(p string) {
	if i := strings.IndexAny(p, "*?[]{}`\\,:="); i >= 0 {
		s.add("lake.staging", fmt.Sprintf("has %q in it, which Spark does not take for a part of a name", p[i]), "choose another folder")
	}
}

func plainWord(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// lakeSecret checks the reference to a secret that opens the lake itself: it cannot be in the lake's own secret scopes.
func (s settings) lakeSecret(key, reference string) {
	switch {
	case reference == "":
	case strings.HasPrefix(reference, "databricks:"):
		s.add(key, "is in a secret scope of Databricks, which takes this very sign-in to read", "use env:NAME or file:PATH")
	default:
		s.reference(key, reference, s.add)
	}
}
