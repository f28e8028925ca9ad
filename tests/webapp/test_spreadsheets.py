"""Rows to CSV that a spreadsheet shows and does not run."""

import csv
import io

import pytest

from webapp.spreadsheets import to_csv


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_run_as_a_formula(text: str) -> None:
    (_, (cell,)) = csv.reader(io.StringIO(to_csv(["file"], [[text]]), newline=""))

    assert cell == f"'{text}"


def test_values_are_written_as_people_read_them() -> None:
    text = to_csv(["a", "b", "c", "d"], [[None, True, False, 0.5]])

    assert text == "a,b,c,d\r\n,yes,no,0.5\r\n"


def test_lines_of_a_reading_stay_in_their_cell() -> None:
    (_, row) = csv.reader(io.StringIO(to_csv(["a", "b"], [["12\n34", "x"]]), newline=""))

    assert row == ["12\n34", "x"]
