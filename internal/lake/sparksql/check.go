package sparksql

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"tributary/internal/lake"
)

// Check implements lake.Checker.
func (l *Lake) Check(ctx context.Context, schemas []string) []lake.Finding {
	var found []lake.Finding
	add := func(what string, err error, fix string) bool {
		finding := lake.Finding{What: what}
		if err != nil {
			finding.Problem, finding.Fix = l.translate(ctx, err).Error(), fix
		}
		found = append(found, finding)
		return err == nil
	}
	if !add(l.where+" answers", l.exec(ctx, statement{text: "SELECT 1"}), "correct the settings under lake in tributary.yaml") {
		return found
	}
	for _, schema := range schemas {
		_, err := l.maps(ctx, showTables(schema))
		if is(err, missingSchemas) {
			add("schema "+schema+" is not there yet, and is made by the first run", nil, "")
			continue
		}
		add("schema "+schema+" can be read", err, "create it, or grant the account USE CATALOG and USE SCHEMA on it")
	}
	add("staging can be written and read", l.checkStaging(ctx), "create it, and let this account write there (lake.staging)")
	return found
}

// checkStaging writes a file to staging and lets the server look for it.
func (l *Lake) checkStaging(ctx context.Context) (err error) {
	local, err := os.CreateTemp("", "tributary-check-*.txt")
	if err != nil {
		return err
	}
	defer os.Remove(local.Name())
	if _, err := local.WriteString("tributary"); err != nil {
		return errors.Join(err, local.Close())
	}
	if err := local.Close(); err != nil {
		return err
	}
	folder, err := stagingFolder(filepath.Base(local.Name())) // a folder of its own, which goes again
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.staging.remove(ctx, folder)) }()
	path, err := l.staging.put(ctx, local.Name(), folder, "probe.txt")
	if err != nil {
		return err
	}
	return l.exec(ctx, statement{text: "SELECT * FROM text." + quote(path)})
}
