"""The shipped models, for what can only be seen with ones that read."""

from collections.abc import Mapping

import pytest

from ml import bundle, reading
from ml.bundle import FAMILIES, PRETRAINED, Family
from ml.runtime import Recogniser
from ml.segmentation import Judge


@pytest.fixture(scope="session")
def recognisers() -> Mapping[Family, Recogniser]:
    """Both shipped models."""
    return {family: Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES}


@pytest.fixture(scope="session")
def judge(recognisers: Mapping[Family, Recogniser]) -> Judge:
    """What they tell the segmentation."""
    return reading.judge(recognisers)
