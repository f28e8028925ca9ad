"""What decides how a version turns out: the settings of training and of fine-tuning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.bundle import Family
from ml.training.precision import Precision, quickest

CALM = 0.5
"""How far pictures are bent in the last epochs, as a part of how far they were before."""


@dataclass(frozen=True)
class TrainingConfig:
    """What decides how a version turns out; all of it goes into its card."""

    family: Family
    architecture: str
    epochs: int
    batch_size: int = 128
    """Small enough to learn much in few epochs, large enough to keep two cores busy."""
    learning_rate: float = 2e-3
    """The highest, reached after a tenth of the steps and left along a cosine to nothing."""
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    """MNIST has some labels that nobody would give; smoothing keeps them from being learned by
    heart. What it does to the confidence, the temperature undoes."""
    train_size: int | None = None
    """How many of MNIST's 50,000 to learn from; None is all."""
    synthetic: int = 15_000
    """Digits by the synthetic writer in each epoch, in styles that MNIST lacks."""
    non_digits: int = 9_000
    """Letters, scribbles and misfits in each epoch, for the eleventh output; 0 leaves it away."""
    distortion: float = 1.0
    """How far pictures are bent, as a multiple of `Augmentation`'s ranges."""
    calm_epochs: int = 2
    """The last ones, in which pictures are bent half as far: nearer to what will be read."""
    seed: int = 1
    precision: Precision = field(default_factory=quickest)
    """What the network computes in while it learns; weights and logits are float32 always."""

    def distortion_in(self, epoch: int) -> float:
        """Return how far pictures are bent in an epoch, the first of which is 0."""
        calm = epoch >= self.epochs - self.calm_epochs
        return self.distortion * (CALM if calm else 1)


@dataclass(frozen=True)
class FineTuningConfig:
    """How a live version learns from corrections; the same for both families."""

    steps: int = 140
    """In trials 240 of them, or 320 of half the size, mended no more of a plain network's mistakes,
    and took the shipped cnn further from what it knew of MNIST."""
    batch_size: int = 128
    learning_rate: float = 7e-4
    """A third of training's: a plain network learns its lessons with it, and ours forget little."""
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    live_share: float = 0.9
    """How much of what replay teaches is the live version's own answer; the label is the rest. In
    single trials this kept MNIST's likelihood as it was; labels alone lowered it."""
    lessons_share: float = 0.25
    """The corrections' part of each batch, however many they are; the rest is replay."""
    made_share: float = 0.3
    """What the code draws, half digits and half others, so that neither is forgotten."""
    made_count: int = 2_000
    """How many of each are drawn; augmentation makes them new whenever they are shown. Drawing
    must not take longer than learning."""
    max_repeats: int = 1_000
    """A single correction is shown no more often than this, so that few do not fill a quarter."""
    distortion: float = 0.7
    """Less than in training: a habit bent too far is nobody's habit."""
    seed: int = 1
    precision: Precision = field(default_factory=quickest)
    """What the network computes in while it learns; weights and logits are float32 always."""


DEFAULTS: Mapping[Family, TrainingConfig] = {
    "dnn": TrainingConfig("dnn", "inkling-dnn", epochs=26, distortion=0.8),
    "cnn": TrainingConfig(
        "cnn", "inkling-cnn", epochs=28, synthetic=12_000, non_digits=7_000, calm_epochs=4
    ),
}
"""What the shipped versions were trained with."""

_FEW: dict[str, Any] = {"train_size": 40_000, "synthetic": 2_000, "non_digits": 2_000}

QUICK: Mapping[Family, TrainingConfig] = {
    "dnn": TrainingConfig("dnn", "inkling-dnn", epochs=2, **_FEW),
    "cnn": TrainingConfig("cnn", "inkling-cnn", epochs=1, **_FEW),
}
"""A usable version in a minute, for trying things out."""
