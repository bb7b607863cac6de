#!/bin/sh
# Tells the application which commit it is.
set -eu
cd "$(dirname "$0")/.."
git rev-parse --short=7 HEAD >REVISION
