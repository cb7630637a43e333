#!/usr/bin/env bash
# Check a database and put it where an environment's refresh reads it:
#   scripts/load-database.sh dev|prod site.db [--refresh]
# Exits 0 on success, 1 on failure with the reason, 2 on wrong use. All of it is load_database.py.
exec "$(dirname "${BASH_SOURCE[0]}")/python.sh" load_database.py "$@"
