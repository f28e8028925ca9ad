"""Real gunicorns on free ports of this machine: start them, weigh them, stop them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import LOCAL, Client

ROOT = Path(__file__).parent.parent
START_SECONDS = 120
POLL_SECONDS = 0.02


class ServerError(RuntimeError):
    """A server did not start."""


@dataclass(frozen=True)
class Weight:
    """Memory of one process in megabytes: all of it, and its share where pages are shared."""

    rss: float
    pss: float


class Server:
    """One application behind gunicorn with the settings of `gunicorn.conf.py`."""

    def __init__(self, app: str, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", app]
        address = {"HOST": LOCAL, "PORT": str(self.port)}
        self.process = subprocess.Popen(command, cwd=ROOT, env={**environment, **address})

    def wait_until_ready(self, path: str) -> float:
        """Ask until the path is answered with 200; return the seconds since the first try."""
        started = time.perf_counter()
        while not self._answers(path):
            if self.process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                raise ServerError(f"gunicorn did not come to answer {path}.")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started

    def _answers(self, path: str) -> bool:
        client = Client(self.port)
        try:
            return client.get(path) == 200
        except OSError:
            return False
        finally:
            client.connection.close()

    def heaviest_worker(self) -> Weight | None:
        """Return the memory of the largest worker; None where the system does not tell."""
        weights = [weight for pid in children(self.process.pid) if (weight := weigh(pid))]
        return max(weights, key=lambda weight: weight.rss, default=None)

    def stop(self) -> None:
        """End the server and wait for it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def clean_environment(**settings: str) -> dict[str, str]:
    """Return our environment without anybody's own settings, and with these."""
    own = {"DATABASE_URL", "HOST", "PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith("INKLING_")
    }
    return {**kept, **settings}


def free_port() -> int:
    """Return a port of this machine that nobody uses at the moment."""
    with socket.create_server((LOCAL, 0)) as listener:
        return int(listener.getsockname()[1])


def children(pid: int) -> list[int]:
    """Return the processes that a process started (Linux only, else none)."""
    return [
        int(status.parent.name)
        for status in Path("/proc").glob("[0-9]*/status")
        if f"\nPPid:\t{pid}\n" in _text(status)
    ]


def weigh(pid: int) -> Weight | None:
    """Return the memory of a process (Linux only, else None)."""
    lines = [line.split() for line in _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()]
    kilobytes = {line[0]: int(line[1]) for line in lines if line[-1] == "kB"}
    if "Rss:" not in kilobytes:
        return None
    return Weight(kilobytes["Rss:"] * 1024 / 1e6, kilobytes["Pss:"] * 1024 / 1e6)


def _text(path: Path) -> str:
    """Return what a file says; nothing where it has gone or there never was one."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
