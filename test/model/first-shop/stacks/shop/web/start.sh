#!/bin/sh
# Renders the page once, then serves it.
set -eu
mkdir -p /tmp/www
literally() { printf '%s' "$1" | sed 's/[&/\\]/\\&/g'; }
sed -e "s/@GREETING@/$(literally "$GREETING")/" -e "s/@CURRENCY@/$(literally "$CURRENCY")/" -e "s/@REPLICA@/$(hostname)/" \
  /etc/shop/page.html >/tmp/www/index.html
echo ok >/tmp/www/healthz
echo "web: serving on 8080"
httpd -f -p 8080 -h /tmp/www &
# The shell is process 1, which ignores SIGTERM unless told otherwise.
trap 'kill $!; exit 0' TERM INT
wait $!
