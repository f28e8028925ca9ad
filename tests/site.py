"""A real site in a process of its own, for tests that need several of them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Site:
    """A site as `make run` serves it, with gunicorn's own settings."""

    url: str
    instance: Path

    def flask(self, *arguments: str) -> str:
        """Run a `flask` command on this site's instance and return what it printed."""
        command = [sys.executable, "-m", "flask", *arguments]
        environment = {**os.environ, "INKLING_INSTANCE": str(self.instance)}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


@contextlib.contextmanager
def serve(instance: Path, **settings: str) -> Iterator[Site]:
    """Serve an instance on a free port for as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"INKLING_INSTANCE": str(instance), "PORT": str(port), **settings}
    command = [sys.executable, "-m", "gunicorn"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own})
    found = Site(f"http://127.0.0.1:{port}", instance)
    try:
        wait_until_ready(found.url, process)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first answer of a site that was just started."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "gunicorn ended at its start"
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
                assert response.status == 200
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(f"{url} did not become ready.")
