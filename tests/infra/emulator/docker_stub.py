#!/usr/bin/env python3
"""Stands in for docker in the CDK's asset step: records each call, builds nothing."""

import json
import os
import sys

with open(os.environ["DOCKER_STUB_RECORD"], "a") as record:  # noqa: PTH123
    record.write(json.dumps(sys.argv[1:]) + "\n")
# The CDK asks whether the image is there already; it is not, so it is "built".
sys.exit(1 if sys.argv[1] == "inspect" else 0)
