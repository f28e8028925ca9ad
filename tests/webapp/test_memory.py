import resource
from pathlib import Path

import pytest

from webapp import memory
from webapp.memory import MemoryShortageError, check, suffices_for


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the kernel's files of a machine that has 8 GB left and no container."""
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n")
    return tmp_path


def test_enough_memory_is_no_error() -> None:
    check()


def test_too_little_is_an_error_that_says_how_much_there_is(machine: Path) -> None:
    (machine / "meminfo").write_text("MemAvailable:     500000 kB\n")
    with pytest.raises(MemoryShortageError, match=r"needs 1\.9 GB .* 0\.5 GB are left"):
        check()


def test_a_container_may_have_less_than_its_machine(machine: Path) -> None:
    (machine / "memory.max").write_text("2500000000\n")
    (machine / "memory.current").write_text("2400000000\n")
    with pytest.raises(MemoryShortageError):
        check()


def test_files_that_are_only_kept_in_memory_do_not_count(machine: Path) -> None:
    (machine / "memory.max").write_text("2500000000\n")
    (machine / "memory.current").write_text("2400000000\n")
    (machine / "memory.stat").write_text("anon 1\ninactive_file 2300000000\n")
    check()


def test_a_container_without_a_limit_is_as_its_machine(machine: Path) -> None:
    (machine / "memory.max").write_text("max\n")
    (machine / "memory.current").write_text("2400000000\n")
    check()


def test_a_machine_that_does_not_tell_refuses_nothing(machine: Path) -> None:
    (machine / "meminfo").unlink()
    check()


def test_addresses_may_be_limited_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10**9, 10**9))
    with pytest.raises(MemoryShortageError, match="ulimit"):
        check()


def test_two_trainings_take_twice_as_much(machine: Path) -> None:
    assert suffices_for(2)
    (machine / "meminfo").write_text("MemAvailable:     3500000 kB\n")
    assert suffices_for(1)
    assert not suffices_for(2)
    (machine / "meminfo").unlink()
    assert suffices_for(2)
