// Package verify compares what a client's source has with what its central table has of it, row by row, without moving rows:
// it compares checksums by range of keys, narrows a difference down to keys and columns, and makes the batches that repair it.
//
// What is compared are the rows that the last sync has surely seen: see Input.Watermark. Package rowhash defines the checksum.
package verify
