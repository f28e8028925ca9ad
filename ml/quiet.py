"""TensorFlow's notes on start-up and conversion, kept off the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ERRORS_ONLY = "3"
"""TF_CPP_MIN_LOG_LEVEL."""


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what is written to standard error, also what libraries write past Python."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", ERRORS_ONLY)
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(silence)
        os.close(kept)
