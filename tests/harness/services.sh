#!/usr/bin/env bash
# Install the services that the tests start themselves. Nothing of Debian's own configuration is used or left running by us.
set -euo pipefail
PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
command -v postgres >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v rabbitmq-server >/dev/null || missing+=(rabbitmq-server)
command -v ps >/dev/null || missing+=(procps)
command -v chromium >/dev/null || missing+=(chromium)
php -m 2>/dev/null | grep pdo_sqlite >/dev/null || missing+=(php-cli php-sqlite3)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing ${missing[*]} ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi

echo "Missing: ${missing[*]} (Debian's names). Tests that need them will be skipped."
if [ "${CI:-}" = "true" ]; then
    echo "With CI=true a missing service is an error."
    exit 1
fi
