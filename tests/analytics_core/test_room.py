"""How much memory and disk there is, from files as the systems write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analytics_core.room import Memory, find_memory, free_disk, sized

MIB = 1 << 20
NO_LIMIT = 9223372036854771712


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def machine(available_kb: int, swap_kb: int = 0) -> dict[str, str]:
    return {
        "proc/meminfo": f"MemTotal:  16000000 kB\nMemAvailable:  {available_kb} kB\n"
        f"SwapFree:  {swap_kb} kB\n",
        "proc/self/status": "Name:\tpython\nVmRSS:\t  90000 kB\nRssAnon:\t   51200 kB\n",
    }


def version_2(folder: str, limit: str, used: int, cached: int = 0) -> dict[str, str]:
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\nfile 9\ninactive_file {cached}\nactive_file 0\n",
    }


def version_1(folder: str, limit: int, used: int, cached: int = 0) -> dict[str, str]:
    stat = f"inactive_file 1\ntotal_inactive_file {cached}\ntotal_active_file 0\n"
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{used}\n",
        f"{folder}/memory.stat": stat,
    }


UNIFIED = "30 20 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n"
OWN = 50 * MIB  # RssAnon above


def test_swap_is_slow_and_still_room(tmp_path: Path) -> None:
    found = find_memory(system(tmp_path, machine(1000 * 1024, swap_kb=500 * 1024)))
    assert found is not None
    assert found.usable == 1500 * MIB + OWN


def test_a_container_of_version_2_that_sees_only_its_own_group(tmp_path: Path) -> None:
    root = system(
        tmp_path,
        machine(8_000_000)
        | {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": UNIFIED}
        | version_2("sys/fs/cgroup", str(1000 * MIB), 300 * MIB, cached=100 * MIB),
    )
    expected = Memory(1000 * MIB - 300 * MIB + 100 * MIB + OWN, 1000 * MIB, "the job's container")
    assert find_memory(root) == expected


def test_a_group_above_may_leave_less(tmp_path: Path) -> None:
    root = system(
        tmp_path,
        machine(8_000_000)
        | {"proc/self/cgroup": "0::/ecs/task/job\n", "proc/self/mountinfo": UNIFIED}
        | version_2("sys/fs/cgroup/ecs/task/job", "max", 60 * MIB)
        | version_2("sys/fs/cgroup/ecs/task", str(700 * MIB), 200 * MIB)
        | version_2("sys/fs/cgroup/ecs", str(900 * MIB), 210 * MIB),
    )
    found = find_memory(root)
    assert found is not None
    assert (found.usable, found.limit) == (550 * MIB, 700 * MIB)


@pytest.mark.parametrize("mounted", ["/docker/0a1b", "/"])
def test_version_1_as_docker_mounts_it(tmp_path: Path, mounted: str) -> None:
    below = "" if mounted != "/" else "/docker/0a1b"
    mounts = (
        f"31 20 0:27 {mounted} /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"
        f"32 20 0:28 {mounted} /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    )
    told = "9:cpu,cpuacct:/docker/0a1b\n4:memory:/docker/0a1b\n0::/docker/0a1b\n"
    root = system(
        tmp_path,
        machine(8_000_000)
        | {"proc/self/cgroup": told, "proc/self/mountinfo": mounts}
        | version_1(f"sys/fs/cgroup/memory{below}", 2048 * MIB, 500 * MIB, cached=40 * MIB),
    )
    found = find_memory(root)
    assert found is not None
    assert (found.usable, found.limit) == (1588 * MIB + OWN, 2048 * MIB)


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": UNIFIED},  # no controller there
        {"proc/self/cgroup": "0::/../../other\n", "proc/self/mountinfo": UNIFIED},
        {"proc/self/cgroup": "nonsense\n\n:\n::::\n", "proc/self/mountinfo": "x\n - \n1 2 - a\n"},
        {
            "proc/self/cgroup": "4:memory:/\n",
            "proc/self/mountinfo": "1 2 3 / /m rw - cgroup c memory",
        }
        | version_1("m", NO_LIMIT, 5),
    ],
)
def test_without_a_limit_the_machine_counts(tmp_path: Path, groups: dict[str, str]) -> None:
    root = system(tmp_path, machine(4096) | groups)
    assert find_memory(root) == Memory(4 * MIB + OWN, 16_000_000 * 1024, "the machine")


def test_a_system_that_says_nothing(tmp_path: Path) -> None:
    assert find_memory(tmp_path) is None


def test_a_mount_with_a_blank_in_its_name(tmp_path: Path) -> None:
    mount = "30 20 0:26 / /sys/a\\040b ro - cgroup2 cgroup rw\n"
    root = system(
        tmp_path,
        machine(8_000_000)
        | {"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mount}
        | version_2("sys/a b", str(10 * MIB), 5 * MIB),
    )
    found = find_memory(root)
    assert found is not None
    assert found.limit == 10 * MIB


def test_this_machine_says_how_much_there_is() -> None:
    found = find_memory()
    assert found is None or MIB < found.usable <= found.limit


def test_disk_is_that_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    system_says = os.statvfs(tmp_path)
    found = free_disk(tmp_path / "not" / "yet")
    assert found is not None
    assert found[1] == system_says.f_blocks * system_says.f_frsize
    assert 0 <= found[0] <= found[1]


def test_megabytes_are_rounded_up() -> None:
    assert [sized(size) for size in (0, 1, 16_384, 9_999_999, 10_000_000, 3_221_225_472)] == [
        "0 kB",
        "1 kB",
        "17 kB",
        "10,000 kB",
        "10 MB",
        "3,222 MB",
    ]
