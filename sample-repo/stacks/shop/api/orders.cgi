#!/bin/sh
# Answers with the stock. The store has one replica; its name leads there from every server.
printf 'Content-Type: application/json\r\n\r\n'
stock=$(wget -q -T 1 -O - http://store:8082/stock.txt 2>/dev/null || echo unknown)
printf '{"limit": %s, "stock": "%s", "replica": "%s"}\n' "${ORDER_LIMIT:-10}" "$stock" "$(hostname)"
