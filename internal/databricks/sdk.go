package databricks

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/databricks/databricks-sdk-go/logger"
	"github.com/databricks/databricks-sdk-go/useragent"
	"golang.org/x/mod/semver"

	"tributary/internal/version"
)

// prepareSDK names this program to the workspace, and takes the SDK's log away from the standard logger. Both
// are settings of the whole process.
var prepareSDK = sync.OnceFunc(func() {
	useragent.WithProduct("tributary", productVersion(version.Version))
	logger.DefaultLogger = sdkLog{}
})

// productVersion makes a version a semantic one, which is all that the SDK takes: "dev" is 0.0.0+dev.
func productVersion(v string) string {
	plain := strings.TrimPrefix(v, "v")
	switch {
	case threeNumbers.MatchString(plain) && semver.IsValid("v"+plain):
		return plain
	case plain == "":
		return "0.0.0"
	}
	return "0.0.0+" + notInBuild.ReplaceAllString(v, "-")
}

var (
	threeNumbers = regexp.MustCompile(`^\d+\.\d+\.\d+`)
	notInBuild   = regexp.MustCompile(`[^0-9A-Za-z-]`)
)

// sdkLog passes the SDK's warnings and errors on to slog, for whoever looks at debug level. What is below is dropped:
// it has the bodies of requests and answers.
type sdkLog struct{}

func (sdkLog) Enabled(_ context.Context, level logger.Level) bool { return level >= logger.LevelWarn }

func (sdkLog) Tracef(context.Context, string, ...any) {}
func (sdkLog) Debugf(context.Context, string, ...any) {}
func (sdkLog) Infof(context.Context, string, ...any)  {}

func (sdkLog) Warnf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, "databricks sdk", "message", fmt.Sprintf(format, v...))
}

func (sdkLog) Errorf(ctx context.Context, format string, v ...any) {
	slog.DebugContext(ctx, "databricks sdk", "message", fmt.Sprintf(format, v...))
}
