#!/usr/bin/env bash
# Refresh the analytics, or ask how a refresh is doing:
#   scripts/trigger-analytics-refresh.sh dev|prod [--wait] [--status JOB]
# Exits 0 on success, 1 on failure with the reason, 2 on wrong use. All of it is trigger_refresh.py.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python="$here/../.venv/bin/python"
[ -x "$python" ] || python="$(command -v python3)" || {
  echo "error: Python 3.11 or newer is needed" >&2
  exit 1
}
exec "$python" "$here/trigger_refresh.py" "$@"
