// Package strict reads YAML and JSON files that people write by hand. It keeps the case of every
// key, knows each value's line, and collects everything that is wrong with a file instead of
// stopping at the first fault: unknown and repeated keys, wrong types, and the faults its caller adds.
//
// No fault shows a value that was read, because it may be a secret in the wrong place; callers
// quote a value only where they know that it is none.
package strict
