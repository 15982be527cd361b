// Package workspace is a small Databricks workspace for tests: a server on 127.0.0.1 with the endpoints that Tributary uses. They
// refuse what the real ones refuse, with their status codes, error codes and words as far as these are public:
// signing in (OAuth for service principals with tokens that expire, personal access tokens), the Files API over volumes, secret
// scopes, jobs, SQL warehouses, and the warehouses' SQL endpoint, which passes on to a real Spark's Thrift server
// (testserver.Spark).
//
// Volumes are folders below [Options].Dir, so that Spark reads what was uploaded. On the way to Spark, a statement is rewritten only
// where Spark differs from Databricks: the catalogs of the volumes become spark_catalog, paths in volumes the paths of
// their folders, and query parameters are given to Spark as literals. See statement.go.
//
// What the real one does not do by itself, tests ask for: [Workspace.Fail] (an answer, a cut connection, a few times),
// [Workspace.ExpireTokens], [Workspace.Deny] and [Workspace.StopWarehouse]. Every request is recorded.
package workspace
