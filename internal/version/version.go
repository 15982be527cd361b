// Package version says which build of Tributary is running.
package version

import (
	"fmt"
	"runtime/debug"
)

// Version is the release or `git describe` of this build. The Makefile and the Dockerfile stamp it
// (-ldflags "-X tributary/internal/version.Version=…"); a build without them says "dev".
var Version = "dev"

// String is the one line that `tributary version` and the worker's log show: the version, the commit
// when the build knows it, and the Go version.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version
	}
	return describe(Version, info)
}

// describe leaves the commit out when the Go tool did not record one (a build outside a checkout,
// or with -buildvcs=false).
func describe(version string, info *debug.BuildInfo) string {
	commit, dirty := setting(info, "vcs.revision"), setting(info, "vcs.modified") == "true"
	switch {
	case commit == "":
		return fmt.Sprintf("%s (%s)", version, info.GoVersion)
	case dirty:
		return fmt.Sprintf("%s (%.12s, modified, %s)", version, commit, info.GoVersion)
	}
	return fmt.Sprintf("%s (%.12s, %s)", version, commit, info.GoVersion)
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
