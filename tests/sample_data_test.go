package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tributary/internal/testserver"
)

// The compose file's servers fill themselves with deploy/mariadb/*.sql; a MariaDB of ours takes the same files.
func TestSampleDataFillsEveryClientsDatabase(t *testing.T) {
	server := testserver.MariaDB(t, testserver.Private())
	dir := filepath.Join(testserver.Root(t), "deploy", "mariadb")
	shop := readFile(t, filepath.Join(dir, "shop.sql"))
	for _, region := range []string{"eu", "us", "ap"} {
		script := readFile(t, filepath.Join(dir, region+".sql"))
		if strings.Count(script, "SOURCE /sample/shop.sql\n") != 2 {
			t.Fatalf("%s.sql does not read shop.sql twice", region)
		}
		server.Exec(t, strings.ReplaceAll(script, "SOURCE /sample/shop.sql\n", shop))
	}

	db := server.Open(t, "")
	sums := map[string]string{}
	for _, client := range composeClients(t) {
		for _, name := range []string{"customers", "orders", "order_lines"} {
			var rows, checksum int64
			err := db.QueryRow(fmt.Sprintf("SELECT count(*) FROM `%s`.`%s` WHERE updated_at IS NOT NULL AND deleted_at IS NULL", client.Database, name)).Scan(&rows)
			if err != nil || rows < 100 {
				t.Errorf("%s.%s has %d rows, %v; want at least 100", client.Database, name, rows, err)
			}
			var table string
			if err := db.QueryRow(fmt.Sprintf("CHECKSUM TABLE `%s`.`%s`", client.Database, name)).Scan(&table, &checksum); err != nil {
				t.Fatal(err)
			}
			key := fmt.Sprintf("%s %d", name, checksum)
			if other, ok := sums[key]; ok {
				t.Errorf("%s has the same %s as %s: mixed tenants would not be seen", client.ID, name, other)
			}
			sums[key] = client.ID
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
