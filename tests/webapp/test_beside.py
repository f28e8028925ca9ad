import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.site import ROOT
from webapp import beside, memory
from webapp.beside import second_process

HOLD_ONE = """
import os, time
from webapp import beside
beside.MIN_CORES = 1
with beside.second_process() as process:
    print(process.submit(os.getpid).result(), flush=True)
    process.submit(time.sleep, 60).result()
"""
SECONDS_TO_END = 10


@pytest.fixture(autouse=True)
def room_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "MIN_CORES", 1)
    monkeypatch.setattr(memory, "_left", lambda: None)


def test_it_is_another_process_which_leaves_a_core_to_this_one() -> None:
    with second_process() as process:
        assert process is not None
        assert process.submit(os.getpid).result() != os.getpid()
        assert process.submit(os.getenv, "TF_NUM_INTRAOP_THREADS").result() == "1"


def test_there_is_none_on_a_single_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "MIN_CORES", 1_000)
    with second_process() as process:
        assert process is None


def test_there_is_none_without_memory_for_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_left", lambda: memory.TRAINING_BYTES)
    with second_process() as process:
        assert process is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks Linux who is running")
def test_it_ends_with_the_first_one_however_that_ends() -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_ONE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    other = int(holder.stdout.readline())
    assert is_running(other)
    holder.kill()
    holder.communicate()
    end = time.monotonic() + SECONDS_TO_END
    while is_running(other) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_running(other)


def is_running(process: int) -> bool:
    """Tell whether there is such a process, other than one that waits to be forgotten."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
