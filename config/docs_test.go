package config

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// yamlBlock is a block of YAML in a page, which begins with the name of its file as a comment.
var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n# (\\w+\\.yaml)\n(.*?)^```$")

// The pages' configurations load as they are printed: a sync with the last tributary.yaml before it, and a
// tributary.yaml with a small sync.
func TestConfigurationsInPagesLoad(t *testing.T) {
	for page, least := range map[string]int{"../docs/databricks.md": 7, "../README.md": 1} {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		blocks := yamlBlock.FindAllStringSubmatch(string(text), -1)
		require.GreaterOrEqual(t, len(blocks), least, "of %s", page)
		settings := "lake: {kind: local}\n"
		for _, block := range blocks {
			name, text := block[1], block[2]
			sync := text
			if name == "tributary.yaml" {
				settings, sync = text, "target: {schema: central}\ntables: [{name: orders}]\n"
				if strings.Contains(text, "kind: databricks") {
					sync = strings.Replace(sync, "{", "{catalog: main, ", 1)
				}
			}
			if !strings.Contains(settings, "clients:") {
				settings += "clients: {file: clients.yaml}\n"
			}
			if _, err := Load(dir(t, map[string]string{"tributary.yaml": settings, "daily.yaml": sync})); err != nil {
				t.Errorf("%s:\n%s\n%v", page, text, err)
			}
		}
	}
}
