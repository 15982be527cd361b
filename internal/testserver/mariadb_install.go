package testserver

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// storage are the arguments that shape the data folder: the same at installation and at every start. Small files
// make a copy of the folder cheap.
var storage = []string{
	"--innodb-log-file-size=8M", "--innodb-data-file-path=ibdata1:4M:autoextend", "--innodb-autoextend-increment=4",
}

// install finds the programs, takes a port and makes the data folder.
func (s *Server) install() error {
	var ok bool
	if s.program, ok = findProgram("mariadbd", "/usr/sbin", "/usr/local/sbin"); !ok { // Debian keeps it out of users' PATH
		return fmt.Errorf("mariadbd: %w: apt-get install mariadb-server (or brew install mariadb), or run tests/provision.sh, "+
			"or name a server's DSN in TRIBUTARY_TEST_MARIADB", ErrMissing)
	}
	template, err := dataTemplate(s.program)
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "tributary-mariadb-"); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(s.dir, "data"), os.DirFS(template)); err != nil {
		return fmt.Errorf("copy the data folder %s: %w", template, err)
	}
	users := fmt.Sprintf("CREATE USER IF NOT EXISTS '%[1]s'@'%%' IDENTIFIED BY '%[2]s';\nGRANT ALL PRIVILEGES ON *.* TO '%[1]s'@'%%' WITH GRANT OPTION;\n",
		s.User, s.Password)
	if err := os.WriteFile(filepath.Join(s.dir, "init.sql"), []byte(users), 0o600); err != nil {
		return err
	}
	s.Port, err = freePort()
	return err
}

// arguments make a server that is private, small and quick. A committed transaction survives Kill
// (flush-log 2 writes at each commit), though not a power cut.
func (s *Server) arguments() []string {
	args := []string{
		"--no-defaults",
		"--datadir=" + filepath.Join(s.dir, "data"), "--socket=" + filepath.Join(s.dir, "sock"), "--pid-file=" + filepath.Join(s.dir, "pid"),
		"--tmpdir=" + s.dir, // a server that starts removes the temporary tables of others in the same folder, and those crash
		"--init-file=" + filepath.Join(s.dir, "init.sql"),
		"--bind-address=" + s.Host, "--port=" + strconv.Itoa(s.Port), "--skip-name-resolve",
		"--skip-log-bin", "--performance-schema=0",
		"--lock-wait-timeout=300", // seconds, from a day: a test that leaves a transaction open fails, rather than hang when its database is dropped
		"--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2", "--innodb-fast-shutdown=1",
	}
	args = append(args, storage...)
	args = append(args, asRoot()...)
	return append(args, s.args...)
}

// asRoot lets mariadbd run as root, which it otherwise refuses: containers and CI.
func asRoot() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	return []string{"--user=root"}
}

// dataTemplate returns a freshly installed data folder, made once per user and version of MariaDB
// and copied for each server: mariadb-install-db is many times slower than the copy.
func dataTemplate(program string) (string, error) {
	installer, ok := findProgram("mariadb-install-db", filepath.Dir(program))
	if !ok {
		return "", fmt.Errorf("mariadb-install-db: %w: it comes with mariadbd: apt-get install mariadb-server", ErrMissing)
	}
	version, err := exec.Command(program, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", program, err)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s %q", version, storage))
	dir := filepath.Join(cache, fmt.Sprintf("mariadb-%x", key[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, makeTemplate(installer, dir)
}

// cacheDir is a folder of this user's that outlives the test. Where there is no home that can be
// written to, as in some containers, it is in the folder for temporary files.
func cacheDir() (string, error) {
	if cache, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(cache, "tributary")
		if err := os.MkdirAll(dir, 0o750); err == nil {
			return dir, nil
		}
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tributary-cache-%d", os.Geteuid()))
	return dir, os.MkdirAll(dir, 0o750)
}

// makeTemplate installs beside dir and renames: several test binaries may be doing so at once, and one that is killed leaves no half.
func makeTemplate(installer, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) // what is left of it harms nobody
	data := filepath.Join(work, "data")
	// --force: it goes on where the machine cannot resolve its own name.
	args := append([]string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force"}, storage...)
	out, err := exec.Command(installer, append(args, asRoot()...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", installer, err, out)
	}
	if err := os.Rename(data, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(dir); statErr != nil { // otherwise another test binary was first
			return err
		}
	}
	return nil
}
