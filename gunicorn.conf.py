"""How gunicorn serves Inkling; `make run` starts it from the top folder of the repository."""

import os
from pathlib import Path


def whole_number(name: str, default: int) -> int:
    """Read a number from the environment; one that cannot be used stops the start."""
    value = os.environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65_536:
        raise SystemExit(f"{name} is {value!r}; it must be a whole number, such as {default}.")
    return int(value)


host = os.environ.get("HOST") or "127.0.0.1"
port = whole_number("PORT", 8000)

wsgi_app = "wsgi:app"
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

# Two processes, so that one that dies or is replaced leaves another to answer. Each holds both
# models (about 100 MB); a machine with more cores sets WEB_CONCURRENCY to their number.
workers = whole_number("WEB_CONCURRENCY", 2)

# Threads in front: slow uploads and kept-alive connections wait without holding up the others,
# while decoding and reading release Python's lock.
worker_class = "gthread"
threads = 8

# Every process loads its models itself after the fork: threads of a native library do not
# survive one, and so a new version of the code is not kept alive by the parent.
preload_app = False

# A worker that has not stirred for this long is replaced. The largest picture takes under 2 s.
timeout = 60
# A request under way when the server stops gets this long to finish.
graceful_timeout = 20
# Long enough that reading while drawing reuses its connection, short enough to free the thread.
keepalive = 15

# The heartbeat file lives in memory where there is some: on a busy disk, touching it can block
# long enough for a healthy worker to be taken for dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None

# Errors and starts go to stderr. One line a request costs more than some requests do:
# INKLING_ACCESS_LOG=1 turns it on.
loglevel = "warning"
errorlog = "-"
accesslog = "-" if os.environ.get("INKLING_ACCESS_LOG") == "1" else None

# `forwarded_allow_ips` is left at gunicorn's default (the local machine; FORWARDED_ALLOW_IPS
# changes it): which proxy may speak for a visitor is the site's own setting.
