"""The numbers in which a network is trained: bfloat16 where the processor multiplies it fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

import keras

from ml import architectures

Precision = Literal["float32", "bfloat16"]

CPUINFO = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Instructions that multiply bfloat16, as Linux names them. Without them TensorFlow converts there
and back, and is slower than with float32."""


@lru_cache(maxsize=1)
def quickest() -> Precision:
    """Return bfloat16 where this processor has instructions for it, else float32.

    On a processor that has them a step of our cnn took half the time (58–70 against 128 ms).
    """
    flags = {flag for line in cpu_lines() for flag in line.split()}
    return "bfloat16" if flags & BFLOAT16_FLAGS else "float32"


def cpu_lines() -> list[str]:
    """Return what Linux says of each core, line by line; nothing elsewhere."""
    return CPUINFO.read_text("utf-8").splitlines() if CPUINFO.exists() else []


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Let networks that are built meanwhile compute in this precision.

    Weights, their updates, batch norms' averages and the logits stay float32 (P. Micikevicius et
    al., "Mixed Precision Training", 2018).
    """
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(
        "mixed_bfloat16" if precision == "bfloat16" else "float32"
    )
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def in_float32(trained: keras.Model, architecture: str) -> keras.Model:
    """Return the same network with the same weights, computing as it will be served."""
    model = architectures.build(architecture, trained.output_shape[-1])
    model.set_weights(trained.get_weights())
    return model
