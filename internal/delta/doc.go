// Package delta reads and writes the transaction log of Delta tables in a folder (protocol reader
// 1, writer 2; with deletion vectors 3 and 7). It knows actions, snapshots, commits and checkpoints; it never reads or writes
// rows: data files are its caller's.
//
// A writer takes a Snapshot, writes its data files under names that nobody else uses (PartitionPath,
// EncodePath), and commits a Tx. Several processes may do so at once: commits take their version by link(2),
// so the table's file system needs hard links. On ErrConflict the writer starts again from a new Snapshot.
//
// Source of the rules: the Delta Transaction Log Protocol (delta-io/delta, PROTOCOL.md).
package delta
