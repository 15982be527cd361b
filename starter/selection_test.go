package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestScopeIsTheSyncNarrowed(t *testing.T) {
	dir := configDir(t, map[string]string{
		"daily.yaml": testSync,
		"part.yaml":  "regions: [eu]\nclients: [acme, cactus]\n" + testSync,
	})
	cfg := loadConfig(t, dir)
	reg, err := cfg.Registry(nil)
	require.NoError(t, err)
	daily, part := cfg.Syncs[0], cfg.Syncs[1]

	t.Run("OKWhole", func(t *testing.T) {
		sc, err := scopeOf(t.Context(), reg, daily, selection{})
		require.NoError(t, err)
		require.Equal(t, []string{"acme", "bolt", "cactus"}, idsOf(sc.clients))
		require.Equal(t, []string{"eu", "us"}, sc.regions)
		require.Empty(t, sc.chosen)
		require.Len(t, sc.refs(), 6)
	})
	t.Run("OKClientNarrowsRegionsAndTableMayBeNamedAsAtTheSource", func(t *testing.T) {
		sc, err := scopeOf(t.Context(), reg, daily, selection{clients: []string{"cactus"}, tables: []string{"kunden", "customers"}})
		require.NoError(t, err)
		require.Equal(t, []string{"us"}, sc.chosen.Regions)
		require.Equal(t, []string{"customers"}, sc.chosen.Tables)
		require.Equal(t, []table.Ref{{Sync: "daily", Client: "cactus", Region: "us", Schema: "central", Table: "customers"}}, sc.refs())
	})
	t.Run("OKSyncsOwnPart", func(t *testing.T) {
		sc, err := scopeOf(t.Context(), reg, part, selection{})
		require.NoError(t, err)
		require.Equal(t, []string{"acme"}, idsOf(sc.clients))
	})
	t.Run("ErrOutsideTheSync", func(t *testing.T) {
		_, err := scopeOf(t.Context(), reg, part, selection{clients: []string{"bolt"}, regions: []string{"us"}})
		require.ErrorContains(t, err, `client "bolt" is not part of sync part`)
		require.ErrorContains(t, err, `region "us" is not part of sync part`)
	})
}

func TestSelectionTextIsTheSameForTheSameSelectionAndShort(t *testing.T) {
	a := selection{clients: []string{"bolt", "acme"}, tables: []string{"orders"}}
	b := selection{clients: []string{"acme", "bolt", "acme"}, tables: []string{"orders"}}
	require.Equal(t, "client=acme,client=bolt,table=orders", a.text())
	require.Equal(t, a.text(), b.text())
	long := selection{clients: strings.Split(strings.Repeat("some-client,", 100), ",")}
	other := selection{clients: append([]string{"another"}, long.clients...), regions: []string{strings.Repeat("r", 200)}}
	require.LessOrEqual(t, len(other.text()), 200)
	require.NotEqual(t, long.text(), other.text())
}
