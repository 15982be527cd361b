// Package mariadb is the source: it reads client tables from MariaDB servers (10.4 and newer; MySQL
// and go-mysql-server answer too) into Arrow IPC stream files, exactly or not at all.
//
// # What a run reads
//
// Plan holds a table spec against what the server has now and names every column, its type and the
// ids. Extract then reads one window of one table:
//
//   - over a datetime or timestamp cursor, [watermark − overlap, the server's clock), with the end cut
//     down to the cursor's precision, so that a second that is not over yet is never split;
//   - over a date cursor, whole days: today's rows are read once the day is over in the datetime zone;
//   - over an integer cursor, [watermark − overlap rows, max + 1);
//   - without a cursor, every row, in one consistent snapshot.
//
// A window that would end before it begins (the server's clock was set back, an id started
// again) has no low: everything is read once more, which the merge makes harmless.
//
// # Chunks
//
// A large InnoDB table that is read in full is cut by its primary key (chunk*.go), and read over several
// connections. Without a cursor these share one snapshot (snapshot.go), because the run deletes what it did not see. With
// one, each chunk has its own, and finished chunks outlive the attempt (chunk_manifest.go). See docs/decisions/0015.
//
// # Time zones
//
// TIMESTAMP columns are read with the session's zone at UTC. DATETIME columns carry no zone: they are read in the
// client's datetime zone, else the spec's, else UTC. Where a zone's clock is set back, a time of the repeated hour is its first
// occurrence; where it is set forward, a time that never was moves forward by the gap: the rules of
// java.time, and so of Spark. The window's bounds are converted the other way, with the low at the
// earliest wall time that can occur at or after it, so that a repeated hour loses no rows.
//
// # Zero and impossible dates
//
// They become NULL and are counted, or fail the table with zero_dates: fail. In a cursor they count
// as NULL does: on_null_cursor decides.
package mariadb
