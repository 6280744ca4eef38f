#!/bin/sh
# Runs once for every version of this file or of its service; `api` starts after it completed.
set -eu
echo "migrate: bringing the schema to version $SCHEMA_VERSION"
sleep 1
echo "migrate: done"
