"""A second process that computes beside this one, and ends with it however it ends."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from webapp import memory

MIN_CORES = 2


@contextmanager
def second_process() -> Iterator[ProcessPoolExecutor | None]:
    """Start a process for TensorFlow; None where there is one core, or no memory for two."""
    if _num_cores() < MIN_CORES or not memory.suffices_for(2):
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _begin) as process:
        yield process


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    """Leave a core to the other process, and do not outlive it."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
