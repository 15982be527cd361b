// Package testserver starts the real servers that tests talk to, on 127.0.0.1 and a free port:
// MariaDB and the Temporal dev server, each private to the test, and Spark with Delta Lake, which
// tests share because it is slow to start. It finds the Python with deltalake for interop tests. It
// is for tests only.
//
// Nothing is ever skipped: what is missing fails the test with the name of what to install.
// tests/provision.sh (run by `make test`) installs all of it.
//
// Every constructor of a private server comes twice: with a testing.TB, which fails the test and
// cleans up after it, and as Start…, which returns an error, for TestMain. On Linux the servers die
// with the test binary, however it ends; the folders of private ones, under os.TempDir, are then left behind.
//
// Environment:
//   - TRIBUTARY_TEST_MARIADB: the DSN (go-sql-driver/mysql, "user:password@tcp(host:port)/") of a
//     server to use instead of a private one. The account must be allowed to create databases and
//     users. Tests keep apart by asking for their databases with [Server.Database].
//   - TRIBUTARY_TEST_PYTHON: the Python interpreter that has deltalake and pyarrow.
//   - TRIBUTARY_TEST_SPARK: the URL of a Spark Thrift server over HTTP, with Delta Lake, that [Spark]
//     returns instead of starting one; TRIBUTARY_TEST_SPARK_DIR: a folder that it and the tests see.
//   - TRIBUTARY_TEST_SPARK_SHARE: set by the command sparkshare, in which `make test` runs; see [SparkShare].
package testserver
