#!/bin/sh
# Packs an order every few seconds and finishes the one at hand before it stops.
stopping=
trap 'stopping=yes' TERM INT
echo "worker: packing every ${PACK_SECONDS}s"
packed=0
while [ -z "$stopping" ]; do
  packed=$((packed + 1))
  echo "worker: order $packed packed"
  date +%s >/tmp/alive
  sleep "$PACK_SECONDS" &
  wait $!
done
echo "worker: stopped after $packed orders"
