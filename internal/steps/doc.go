// Package steps is what happens to a client table's rows between the source and the lake:
// Validate holds the raw rows against the table's rules, and Transform turns those that pass into
// the Parquet files of a batch. DuckDB does the work, in process.
//
// # Rules and expressions
//
// Rules (Spec.Expect) and SQL transforms (Spec.Transform) are DuckDB expressions over one row: a
// rule sees the common source names, a transform the central names as the steps before it left them. Column
// names match without regard to case. Subqueries, window and aggregate functions, parameters and functions
// whose result changes from call to call are refused, and the engine's configuration is
// locked with outside access off, so an expression can reach neither files nor the network.
//
// # Order of the checks
//
//  1. ids_not_null: a row with a NULL id is quarantined.
//  2. tenant: a row that names another client or region than the registry's is quarantined.
//  3. Of the rows left that share their ids, the one with the newest cursor wins (NULL is the oldest). Older ones
//     and exact copies are dropped and counted as Deduped; a row with the same ids and
//     cursor but other content is quarantined as ids_unique.
//  4. The table's own rules, on what is left: the state of each row that would reach the lake.
//
// # Hashes and masks
//
// Both work on a value's canonical text: integers and decimals as digits (decimals with all
// digits of their scale), floats in the shortest form that reads back equal, booleans as true and false,
// dates as 2006-01-02, timestamps as 2006-01-02T15:04:05.000000Z, text as it is. For binary, a hash
// takes the bytes and a mask their hex digits. NULL stays NULL.
//
//   - hash sha256: 64 lower-case hex digits of SHA-256(salt || text).
//   - mask all: "***".
//   - mask email: the first character, "***@" and the domain; "***" where there is no "@".
//   - mask last4: "***" and the last four characters; "***" alone for texts shorter than eight.
package steps
