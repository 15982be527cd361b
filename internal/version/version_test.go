package version

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	vcs := func(modified string) *debug.BuildInfo {
		return &debug.BuildInfo{GoVersion: "go1.26.8", Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123"},
			{Key: "vcs.modified", Value: modified},
		}}
	}
	for name, tc := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"without a commit":  {&debug.BuildInfo{GoVersion: "go1.26.8"}, "v1.2.3 (go1.26.8)"},
		"with a commit":     {vcs("false"), "v1.2.3 (0123456789ab, go1.26.8)"},
		"with local change": {vcs("true"), "v1.2.3 (0123456789ab, modified, go1.26.8)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := describe("v1.2.3", tc.info); got != tc.want {
				t.Errorf("describe = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestStringNamesVersionAndGo(t *testing.T) {
	got := String()
	if !strings.HasPrefix(got, Version) || !strings.Contains(got, runtime.Version()) {
		t.Errorf("String = %q, want it to begin with %q and to name %q", got, Version, runtime.Version())
	}
}
