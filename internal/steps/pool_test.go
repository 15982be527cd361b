package steps

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestPool(t *testing.T) {
	pool := NewPool(t.TempDir(), Limits{}, 1)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	pooled := func(t *testing.T, name string) Job {
		job := newJob(t, []string{"id"}, "", "id long", "mail string?")
		job.Dir, job.Pool = filepath.Join(pool.dir, name), pool
		return withRows(t, job, 1, []any{1, "a"}, []any{2, nil})
	}

	t.Run("OK: steps share an engine and see nothing of each other", func(t *testing.T) {
		first := pooled(t, "first")
		first.Spec.Transform = []table.Transform{{Column: "mail", Hash: "sha256", Salt: "env:S"}}
		first.Salts = map[string]string{"env:S": "first's salt"}
		both(t, first)
		require.Len(t, pool.idle, 1)

		e, err := pool.take(context.Background(), filepath.Join(pool.dir, "other"))
		require.NoError(t, err)
		var salt *string
		require.NoError(t, e.row(context.Background(), "SELECT getvariable('"+saltVariable(0)+"')", &salt))
		require.Nil(t, salt)
		var zone, disabled string
		require.NoError(t, e.row(context.Background(), "SELECT current_setting('TimeZone'), current_setting('disabled_optimizers')", &zone, &disabled))
		require.Equal(t, "UTC", zone)
		require.NotEmpty(t, disabled)
		require.Error(t, e.exec(context.Background(), "SET threads = 1"), "the configuration stays locked")
		require.Error(t, e.exec(context.Background(), "SELECT * FROM read_text('/etc/hostname')"), "other folders stay out of reach")
		require.NoError(t, pool.give(e))

		_, out := both(t, pooled(t, "second"))
		require.Equal(t, [][]string{{"1", "a"}, {"2", "NULL"}}, clean(t, out, "id, mail"))
		require.Len(t, pool.idle, 1)
	})

	t.Run("Err: the engine of a step that failed is not used again", func(t *testing.T) {
		job := pooled(t, "failing")
		job.Spec.Expect = []table.Rule{{Name: "r", That: "id < 2", Otherwise: table.Fail}}
		_, err := Validate(context.Background(), job)
		require.ErrorIs(t, err, ErrRule)
		require.Empty(t, pool.idle)
	})

	t.Run("Err: a step that waits for a place is cancelled", func(t *testing.T) {
		taken, err := pool.take(context.Background(), filepath.Join(pool.dir, "long"))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = pool.take(ctx, filepath.Join(pool.dir, "other"))
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, pool.drop(taken))
		both(t, pooled(t, "after"))
	})

	t.Run("Err: a step elsewhere", func(t *testing.T) {
		job := pooled(t, "elsewhere")
		job.Dir = t.TempDir()
		_, err := Validate(context.Background(), job)
		require.ErrorContains(t, err, "not below")
	})
}
