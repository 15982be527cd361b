package tests

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

// centralLake is where a stack's central tables are.
type centralLake struct {
	schema   string // as the lake's methods take it
	target   string // the section of a sync
	settings string // the section of tributary.yaml; %s is the config directory
	staging  string // where staged files are on this machine; relative to the config directory, or absolute

	spark     *testserver.SparkServer // behind the lake, if it has one
	workspace *workspace.Workspace    // in front of Spark, if it has one
}

// lakes are the kinds of lake that hold the same after the same.
var lakes = map[string]func(*testing.T) centralLake{"local": localLake, "spark": sparkLake, "databricks": databricksLake}

func localLake(*testing.T) centralLake {
	return centralLake{
		schema: "central", target: "{schema: central}", staging: "lake/_staging",
		settings: `{kind: local, path: lake, memory: 512MB}`,
	}
}

func sparkLake(t *testing.T) centralLake {
	t.Helper()
	spark := testserver.Spark(t)
	return sparkLakeAt(t, spark, spark.URL)
}

// sparkLakeAt is the lake of a Spark that is asked at an address of the test's.
func sparkLakeAt(t *testing.T, spark *testserver.SparkServer, url string) centralLake {
	t.Helper()
	schema := spark.Schema(t)
	return centralLake{
		schema: schema, target: "{schema: " + schema + "}", staging: filepath.Join(spark.Dir, "staging"), spark: spark,
		settings: fmt.Sprintf(`{kind: spark, url: %q, staging: %q, statement_timeout: 5m}`, url, filepath.Join(spark.Dir, "staging")),
	}
}

func databricksLake(t *testing.T) centralLake {
	t.Helper()
	spark := testserver.Spark(t)
	w := workspace.Start(t, workspace.Options{SparkURL: spark.URL, Dir: spark.Dir})
	return databricksLakeAt(t, spark, w, w.URL)
}

const volume = "/Volumes/main/central/staging"

// databricksLakeAt is the lake of a workspace that is asked at an address of the test's.
func databricksLakeAt(t *testing.T, spark *testserver.SparkServer, w *workspace.Workspace, host string) centralLake {
	t.Helper()
	schema := spark.Schema(t)
	return centralLake{
		schema: "main." + schema, target: "{catalog: main, schema: " + schema + "}", spark: spark, workspace: w,
		staging: filepath.Join(w.Dir, volume, "tributary"),
		settings: fmt.Sprintf(`{kind: databricks, host: %q, client_id: %s, client_secret: "file:%%s/databricks.secret", warehouse: %s, staging: %s/tributary, statement_timeout: 5m}`,
			host, w.ClientID, workspace.DefaultWarehouse, volume),
	}
}

// staged are the files that wait at the lake to be merged.
func (s *stack) staged(t *testing.T) []string {
	t.Helper()
	root := s.central.staging
	if !filepath.IsAbs(root) {
		root = filepath.Join(s.dir, root)
	}
	found, err := filepath.Glob(filepath.Join(root, "*", "*"))
	require.NoError(t, err)
	return found
}
