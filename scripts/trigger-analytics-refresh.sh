#!/usr/bin/env bash
# Refresh the analytics, or ask how a job is doing:
#   scripts/trigger-analytics-refresh.sh dev|prod [--wait] [--status JOB]
# Exits 0 on success, 1 on failure with the reason, 2 on wrong use. All of it is trigger_refresh.py.
exec "$(dirname "${BASH_SOURCE[0]}")/python.sh" trigger_refresh.py "$@"
