#!/bin/sh
# Keeps the stock on its volume and serves it.
set -eu
[ -f /data/stock.txt ] || echo "tea 40, coffee 25, honey 12" >/data/stock.txt
echo "store: serving $(cat /data/stock.txt)"
httpd -f -p 8082 -h /data &
# The shell is process 1, which ignores SIGTERM unless told otherwise.
trap 'kill $!; exit 0' TERM INT
wait $!
