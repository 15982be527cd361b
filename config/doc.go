// Package config loads and checks a configuration directory:
//
//	tributary.yaml   the lake, Temporal, the clients, the worker, its scratch disk
//	daily.yaml       a sync, named after its file; one file each
//	clients.yaml     the clients, where tributary.yaml names that file; package registry reads it
//
// Each may be .yaml, .yml or .json, with the same keys and the same messages. Other files, hidden
// ones and folders are not read. config/example is a working set.
//
// Every setting of tributary.yaml can be overridden by an environment variable: lake.path by
// TRIBUTARY_LAKE_PATH, worker.regions by TRIBUTARY_WORKER_REGIONS=eu,us. An empty variable counts
// as unset. Relative paths are relative to the configuration directory, wherever they were set.
//
// Load reports all faults of all files at once and touches no database, registry or network.
package config
