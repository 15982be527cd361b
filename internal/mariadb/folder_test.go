package mariadb

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestAttemptsInOneFolderFollowEachOther has one attempt begin while another one reads that learns only later that nobody waits for it.
func TestAttemptsInOneFolderFollowEachOther(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime not null)", "insert into t select seq, '2024-01-01' from seq_1_to_4000", "analyze table t")
	f.client.Limits.TableConnections = 1
	s, lost := f.inChunks(500), errors.New("nobody waits for it")
	for _, spec := range []table.Spec{{Name: "t"}, {Name: "t", Cursor: "at"}} {
		t.Run("cursor "+spec.Cursor, func(t *testing.T) {
			req := ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir()}
			first, next, raws := req, req, make(chan table.Raw, 1)
			ctx, giveUp := context.WithCancelCause(t.Context())
			ended := false
			next.Chunks = func(int, int) { assert.True(t, ended) }
			first.Chunks = func(done, total int) {
				assert.Greater(t, total, 4)
				switch done {
				case 1:
					go func() {
						raw, err := s.Extract(t.Context(), next)
						assert.NoError(t, err)
						raws <- raw
					}()
				case 3:
					assert.Contains(t, folders.busy, req.Dir)
					ended = true
					giveUp(lost)
				}
			}
			_, err := s.Extract(ctx, first)
			require.ErrorIs(t, err, lost)
			require.Len(t, f.rows(<-raws), 4000)
		})
	}
	t.Run("Err its own caller gives it up too", func(t *testing.T) {
		dir := t.TempDir()
		leave, err := enter(t.Context(), dir)
		require.NoError(t, err)
		ctx, giveUp := context.WithCancelCause(t.Context())
		go giveUp(lost)
		_, err = s.Extract(ctx, ExtractRequest{Dir: dir})
		require.ErrorIs(t, err, lost)
		leave()
		require.Empty(t, folders.busy)
	})
}
