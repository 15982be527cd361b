// Package delta reads and writes the transaction log of Delta tables in a folder (protocol reader
// 1, writer 2). It knows actions, snapshots, commits and checkpoints; it never reads or writes
// rows: data files are its caller's.
//
// Source of the rules: the Delta Transaction Log Protocol (delta-io/delta, PROTOCOL.md).
package delta
