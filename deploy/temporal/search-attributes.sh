#!/bin/sh
# Registers the search attributes that make Temporal's Web UI the run history. Doing it twice changes nothing.
set -eu
for name in Client Region Table SyncName; do
	if temporal operator search-attribute list --namespace default | grep -qw "$name"; then
		echo "search attribute $name is there"
	else
		temporal operator search-attribute create --namespace default --name "$name" --type Keyword
	fi
done
