package serve

import (
	"context"
	"log/slog"
)

// quiet drops what the SDK warns of whenever a session ends, as it should: the last heartbeat of the
// session finds it closed, and a cancelled session is completed twice.
type quiet struct{ slog.Handler }

func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	switch record.Message {
	case "RecordActivityHeartbeat with error", "Complete session activity failed":
		if attribute(record, "Error") == "canceled" {
			return nil
		}
	}
	return q.Handler.Handle(ctx, record)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

func attribute(record slog.Record, key string) (value string) {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			value = a.Value.String()
		}
		return a.Key != key
	})
	return value
}
