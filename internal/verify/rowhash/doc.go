// Package rowhash is the one definition of the checksum that tells whether two places have the same rows, for Go over
// Arrow batches and for Spark and Databricks in SQL.
//
// A row's hash is Spark's own xxhash64(masks, columns): XXH64, chained over the values with the seed 42. A NULL leaves
// the chain as it is, so that (NULL, 'a') would equal ('a', NULL); therefore the chain begins with a mask for every 62
// columns, a long in which bit n says that the n-th of them is NULL. -0.0 hashes as 0.0, and every NaN as one.
//
// A set of rows is summed without an order: their number, the sum of their hashes modulo 2^64, and the XOR of their hashes.
package rowhash
