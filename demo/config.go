package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"tributary/config"
)

//go:embed config/*.yaml
var configFiles embed.FS

// configData fills the templates in config/.
type configData struct {
	Shops    []*shop
	User     string
	Secrets  string // the folder
	Temporal string // host:port
}

// writeConfig writes a configuration directory as a user would, and loads it.
func writeConfig(f folder, data configData) (*config.Config, error) {
	data.User, data.Secrets = sourceUser, f.in("secrets")
	templates, err := template.ParseFS(configFiles, "config/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, t := range templates.Templates() {
		var text strings.Builder
		if err := t.Execute(&text, data); err != nil {
			return nil, err
		}
		if err := os.WriteFile(f.in("config", filepath.Base(t.Name())), []byte(text.String()), 0o600); err != nil {
			return nil, err
		}
	}
	if err := clearEnvironment(); err != nil {
		return nil, err
	}
	return config.Load(f.in("config"))
}

// clearEnvironment removes the settings that would send this process elsewhere than to the demo's own
// Temporal and lake.
func clearEnvironment() error {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TEMPORAL_") && !strings.HasPrefix(name, "TRIBUTARY_") {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	return nil
}
