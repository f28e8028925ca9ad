"""Standard error, silent for a while."""

import os

import pytest

from ml.quiet import silent_stderr


def test_nothing_is_written_to_standard_error_meanwhile(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_stderr():
        os.write(2, b"a library's note")
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_an_error_ends_the_silence_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="on its way"), silent_stderr():
        raise ValueError("on its way")
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"
