"""A PostgreSQL server of our own, where its programs are installed."""

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.servers import free_port

SUPERUSER = "postgres"
"""Whom the server runs as where we are root, since it refuses to run as root."""


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; None where PostgreSQL is not installed."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run an empty server in a folder for as long as the context lasts; give its address."""
    found, port = programs(), free_port()
    if found is None:
        raise FileNotFoundError("PostgreSQL's server programs are not installed.")
    owner = SUPERUSER if getpass.getuser() == "root" else None
    if owner:
        shutil.chown(folder, owner)
        for parent in folder.parents:
            if not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)

    def run(program: str, *arguments: str) -> None:
        command = [str(found / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, user=owner, stdout=subprocess.DEVNULL, cwd=folder)

    run("initdb", "--auth=trust", "--username=inkling", "--no-sync")
    options = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
    process_id = int((folder / "data" / "postmaster.pid").read_text("utf-8").split()[0])
    try:
        yield f"postgres://inkling@127.0.0.1:{port}/postgres"
    finally:
        # What `pg_ctl -m immediate stop` sends; that would also wait until the process is
        # collected, which takes a minute where nobody does.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGQUIT)
