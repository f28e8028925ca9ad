import pytest

from ml.training import TrainingConfig


@pytest.mark.parametrize("epoch, distortion", [(0, 0.8), (7, 0.8), (8, 0.4), (9, 0.4)])
def test_the_last_epochs_bend_half_as_far(epoch: int, distortion: float) -> None:
    config = TrainingConfig("cnn", "inkling-cnn", epochs=10, distortion=0.8, calm_epochs=2)
    assert config.distortion_in(epoch) == distortion
