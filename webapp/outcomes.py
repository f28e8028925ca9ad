"""How versions read what people corrected: asked by commands, stored, and only counted by pages."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from ml import preprocessing
from ml.bundle import Family
from ml.reading import read_digits
from ml.runtime import Recogniser
from webapp.db import begin_write, db
from webapp.models import Digit, ModelVersion, Outcome, Promotion
from webapp.models.outcomes import STANDS, Pair

DIGITS_PER_TRANSACTION = 200
"""Few enough that a site which goes on meanwhile never waits long to write."""


def ask(new: Sequence[ModelVersion] = ()) -> None:
    """Have the live versions, and what new ones could make of them, read corrected digits again.

    Only digits that still belong to a visitor are read. What other versions said of them is
    forgotten, save what a rollback makes live. Commits.

    Raises:
        BundleError: the files of a version are damaged.
    """
    live = Promotion.current()
    if live is None:
        return
    pairs = _pairs(live, new)
    recognisers: dict[str, Recogniser] = {}
    kept = [*pairs, *([_pair(live.previous.versions)] if live.previous else [])]
    for digits in _corrected():
        recognisers = recognisers or _loaded({*live.versions.values(), *new})
        pictures = np.stack([digit.picture.image for digit in digits])
        read = {pair: _labels(pair, pictures, recognisers) for pair in pairs}
        begin_write()
        for pair, labels in read.items():
            Outcome.replace(pair, dict(zip([digit.id for digit in digits], labels, strict=True)))
        db.session.commit()
    begin_write()
    Outcome.keep_only(kept)
    db.session.commit()


def _pairs(live: Promotion, new: Sequence[ModelVersion]) -> list[Pair]:
    """Return the live versions and every pair that promoting one or both of the new ones makes."""
    choices: dict[Family, list[ModelVersion]] = {
        family: [version, *(one for one in new if one.family == family and one is not version)]
        for family, version in live.versions.items()
    }
    return [
        Pair(cnn.name, dnn.name) for cnn, dnn in itertools.product(choices["cnn"], choices["dnn"])
    ]


def _loaded(versions: Iterable[ModelVersion]) -> dict[str, Recogniser]:
    return {version.name: Recogniser(version.bundle()) for version in versions}


def _pair(versions: Mapping[Family, ModelVersion]) -> Pair:
    return Pair(versions["cnn"].name, versions["dnn"].name)


def _labels(
    pair: Pair, pictures: preprocessing.Ink, recognisers: Mapping[str, Recogniser]
) -> list[int | None]:
    chosen: dict[Family, Recogniser] = {
        "cnn": recognisers[pair.cnn],
        "dnn": recognisers[pair.dnn],
    }
    return [answer.label for answer in read_digits(pictures, chosen)]


def _corrected() -> Iterator[list[Digit]]:
    """Give the visitors' corrected digits with their pictures, some at a time, oldest first."""
    after = ""
    while True:
        query = (
            select(Digit)
            .options(joinedload(Digit.picture))
            .where(
                Digit.id > after,
                Digit.visitor_id.is_not(None),
                Digit.correction_state.in_(STANDS),
                Digit.preprocessing_version == preprocessing.VERSION,
            )
            .order_by(Digit.id)
            .limit(DIGITS_PER_TRANSACTION)
        )
        digits = list(db.session.scalars(query))
        if not digits:
            return
        after = digits[-1].id
        yield digits
