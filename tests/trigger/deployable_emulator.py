"""The emulator that takes the real `cdk deploy`, with jobs that are as a file says.

`python -m tests.trigger.deployable_emulator` prints its address and serves until ended; the
environment variable `JOB_STATES` names the file: job id to what `DescribeJobs` shows of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.infra.emulator import extended_moto
from tests.trigger.emulator import let_jobs_obey, serve_one_at_a_time


def read_states() -> dict[str, dict[str, Any]]:
    path = Path(os.environ["JOB_STATES"])
    return json.loads(path.read_text()) if path.exists() else {}


if __name__ == "__main__":
    let_jobs_obey(read_states)
    serve_one_at_a_time()
    extended_moto.main()
