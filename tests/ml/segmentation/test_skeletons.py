"""The middle lines of strokes."""

import numpy as np

from ml.segmentation.skeletons import branches_at, skeleton_of


def test_a_bar_is_thinned_to_its_middle_line():
    bar = np.zeros((11, 30), bool)
    bar[3:8, 3:27] = True
    line = skeleton_of(bar)
    rows, columns = np.nonzero(line)
    assert set(rows) == {5}
    assert np.ptp(columns) >= 18


def test_a_ring_stays_a_ring():
    rows, columns = np.mgrid[:40, :40] - 20
    away = np.hypot(rows, columns)
    line = skeleton_of((away > 10) & (away < 15))
    assert (branches_at(line)[line] == 2).all()
    assert np.hypot(*(np.argwhere(line) - 20).T).mean() < 13


def test_lines_meet_where_strokes_cross():
    cross = np.zeros((31, 31), bool)
    cross[14:17, 2:29] = cross[2:29, 14:17] = True
    branches = branches_at(skeleton_of(cross))
    meeting = np.argwhere(branches >= 3)
    assert len(meeting) > 0
    assert (np.abs(meeting - 15) <= 2).all()


def test_paper_has_no_lines():
    assert not skeleton_of(np.zeros((5, 5), bool)).any()
