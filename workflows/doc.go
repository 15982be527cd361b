// Package workflows says what happens, in order: Sync fans out over regions (RegionSync), clients
// (ClientSync) and tables (TableSync), and TableSync brings one client table's rows into the lake.
// How each step is done is in package activities; how long and how often, in options.go.
//
// No workflow fails a sibling: RegionSync and ClientSync gather what became of each part in a
// table.Summary, and only Sync, once all is done, fails when anything failed.
package workflows
