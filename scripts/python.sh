#!/usr/bin/env bash
# Run a program of this folder with the repository's own Python, else with any that is there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="$here/../.venv/bin/python"
[ -x "$python" ] || python="$(command -v python3)" || {
  echo "error: Python 3.11 or newer is needed" >&2
  exit 1
}
program="$here/$1"
shift
exec "$python" "$program" "$@"
