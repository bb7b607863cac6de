#!/bin/sh
# Sees to what the tests need beyond Go and git. On Debian as root it installs what is missing, saying so;
# elsewhere it says what to install, and those tests are skipped, loudly. HOTFIX_NEED_ENGINE=1 makes that a failure.
set -eu
cd "$(dirname "$0")/.."

missing=
command -v rsync >/dev/null || missing="$missing rsync"
git flow version >/dev/null 2>&1 || missing="$missing git-flow"
command -v shellcheck >/dev/null || missing="$missing shellcheck"
command -v git-lfs >/dev/null || missing="$missing git-lfs"
command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || missing="$missing openssh-server openssh-client"
if [ -n "$missing" ] && [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
    echo "installing$missing"
    apt-get update -qq || true # another vendor's source may be down; installing tells
    # shellcheck disable=SC2086 # words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
elif [ -n "$missing" ]; then
    echo "not installed, so some tests are skipped:$missing"
fi

go run ./cmd/demo -prepare || [ "${HOTFIX_NEED_ENGINE:-}" != 1 ]
