// Package databricks is the REST side of a Databricks workspace, through databricks-sdk-go: signing in, the files of
// Unity Catalog volumes, secret scopes, jobs and SQL warehouses. SQL itself goes through databricks-sql-go, which
// signs in with [Workspace.Authenticate].
//
// Signing in is the SDK's unified authentication: what [Options] do not give comes from the environment (DATABRICKS_…,
// ARM_…) and the profile, and a token that is about to expire is renewed by the SDK.
//
// Every error wraps one of the sentinels of this package, or is the context's own. It names what was asked for, the
// workspace's answer and what to do next, and never has a token or a secret in it: it is made anew from the SDK's
// error, which is not wrapped.
//
// Requests that failed on the way, or that the workspace was too busy for, are tried again for [Options.Retry]. That
// is safe for all of them: uploading replaces, deleting what is gone is no error, and a job is started under a token.
package databricks
