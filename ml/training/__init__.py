"""Learning: a new version from MNIST and what the code makes, or a live one from corrections."""

from ml.training.configs import DEFAULTS, QUICK, FineTuningConfig, TrainingConfig
from ml.training.fine_tuning import fine_tune, learn_anew
from ml.training.finishing import finish
from ml.training.fitting import Progress, Source, TrainingError
from ml.training.random_search import SEARCHED, Space, Trial, search
from ml.training.scratch import train
from ml.training.sealing import version

__all__ = [
    "DEFAULTS",
    "QUICK",
    "SEARCHED",
    "FineTuningConfig",
    "Progress",
    "Source",
    "Space",
    "TrainingConfig",
    "TrainingError",
    "Trial",
    "fine_tune",
    "finish",
    "learn_anew",
    "search",
    "train",
    "version",
]
