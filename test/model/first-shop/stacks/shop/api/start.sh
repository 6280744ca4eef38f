#!/bin/sh
# Serves /cgi-bin/orders and /healthz.
set -eu
mkdir -p /tmp/www/cgi-bin
cp /etc/shop/orders.cgi /tmp/www/cgi-bin/orders
chmod 0755 /tmp/www/cgi-bin/orders
echo ok >/tmp/www/healthz
echo "api: serving on 8081, orders are limited to $ORDER_LIMIT"
httpd -f -p 8081 -h /tmp/www &
# The shell is process 1, which ignores SIGTERM unless told otherwise.
trap 'kill $!; exit 0' TERM INT
wait $!
