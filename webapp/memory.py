"""How much memory is left, so that a training which cannot end does not begin.

Linux alone tells; elsewhere nothing is known and nothing is refused.
"""

import re
import resource
from pathlib import Path

TRAINING_BYTES = 1_900_000_000
"""The most that a `flask retrain` was seen to take, while a version is put into other forms."""

TRAINING_ADDRESS_BYTES = 4_500_000_000
"""The same in addresses, which `ulimit -v` counts: TensorFlow reserves more than it uses."""

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


class MemoryShortageError(RuntimeError):
    """There is too little memory for a training; nothing was begun."""


def check() -> None:
    """Raise MemoryShortageError unless a training fits into what is left."""
    left = _left()
    if left is not None and left < TRAINING_BYTES:
        raise MemoryShortageError(_message(left, TRAINING_BYTES, "memory"))
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < TRAINING_ADDRESS_BYTES:
        raise MemoryShortageError(_message(limit, TRAINING_ADDRESS_BYTES, "addresses (ulimit -v)"))


def suffices_for(trainings: int) -> bool:
    """Tell whether so many trainings fit into what is left at the same time."""
    left = _left()
    return left is None or left >= trainings * TRAINING_BYTES


def _left() -> int | None:
    """Return how many bytes are left, None where nothing tells."""
    left = [found for found in (_of_machine(), _of_container()) if found is not None]
    return min(left, default=None)


def _message(left: int, needed: int, what: str) -> str:
    return (
        f"Training needs {needed / 1e9:.1f} GB of {what}, and {left / 1e9:.1f} GB are left. "
        "End other programs, or train on a larger machine with the same DATABASE_URL."
    )


def _of_machine() -> int | None:
    """Return what the kernel can give without swapping."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(MEMINFO), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _of_container() -> int | None:
    """Return what is left below a container's limit; files kept in memory can be let go."""
    limit, used = _text(CGROUP / "memory.max").strip(), _text(CGROUP / "memory.current").strip()
    if not limit.isdigit() or not used.isdigit():
        return None
    kept = re.search(r"^inactive_file (\d+)", _text(CGROUP / "memory.stat"), re.MULTILINE)
    return int(limit) - int(used) + (int(kept[1]) if kept else 0)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
