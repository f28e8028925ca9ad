import keras
import numpy as np
import pytest

from ml.architectures import CATALOGUE, UnknownArchitectureError, build

PUBLISHED_PARAMETERS = {
    "dnn-128-64": 109_386,
    "cnn-32-64": 225_034,
    "cnn-32-64-no-dropout": 225_034,
    "cnn-32-64-64": 93_322,
    "mlp-512-256-128": 567_434,
    "cnn-bn-32-64-128": 619_114,
}


@pytest.mark.parametrize("name, parameters", PUBLISHED_PARAMETERS.items())
def test_published_networks_have_the_published_number_of_parameters(
    name: str, parameters: int
) -> None:
    assert build(name).count_params() == parameters


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_network_takes_pictures_and_emits_logits_for_each_class(name: str) -> None:
    model = build(name, outputs=11)
    logits = np.asarray(model(np.random.default_rng(1).random((3, 28, 28), np.float32)))
    assert logits.shape == (3, 11)
    assert isinstance(model.layers[-1], keras.layers.Dense)
    assert model.layers[-1].activation is keras.activations.linear


def test_an_unknown_network_is_refused_with_the_list_of_the_known() -> None:
    with pytest.raises(UnknownArchitectureError, match=r"'cnn-9'.*inkling-cnn"):
        build("cnn-9")
