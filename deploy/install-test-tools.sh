#!/bin/sh
# Installs what some tests need and this machine lacks: Java 17, Maven, PostgreSQL's server, chromium, Alertmanager.
# Only as root and with apt-get; elsewhere those tests are skipped, each with a line that says why.
set -u

java_is_new_enough() {
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${version:-0}" -ge 17 ]
}

missing=""
java_is_new_enough || missing="$missing java"
command -v mvn >/dev/null || missing="$missing maven"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null || missing="$missing prometheus-alertmanager"
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed here:$missing; tests that need them will be skipped."
    exit 0
fi

first_available() {
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 && { echo "$package"; return; }
    done
}

echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null || echo "apt-get update failed; going on with the package lists that are here."
for tool in $missing; do
    case $tool in
        java) packages=$(first_available openjdk-21-jre-headless openjdk-17-jre-headless default-jre-headless) ;;
        chromium) packages="chromium fonts-dejavu-core" ;;
        *) packages=$tool ;;
    esac
    # shellcheck disable=SC2086  # several packages are several words
    apt-get install -qq --yes --no-install-recommends $packages >/dev/null 2>&1 ||
        echo "$tool could not be installed; tests that need it will be skipped."
done
