"""Versions are never changed; a promotion says which are live."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import delete, update

from ml.bundle import Bundle, BundleError
from ml.images import to_png
from webapp.db import db
from webapp.models import ModelFile, ModelVersion, Promotion

MakeBundle = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def new(make_bundle: MakeBundle) -> Callable[[str], ModelVersion]:
    return lambda family: ModelVersion.add(make_bundle(family=family), origin="train")


def live() -> tuple[str, str]:
    current = Promotion.current()
    assert current is not None
    return current.cnn_name, current.dnn_name


def promote(*versions: ModelVersion) -> Promotion:
    return Promotion.promote(versions, by="test", reason="to see")


def roll_back() -> Promotion:
    return Promotion.roll_back(by="test", reason="to see")


class TestAVersion:
    def test_is_numbered_within_its_family(self, new: Callable[[str], ModelVersion]):
        assert [new("cnn").name, new("cnn").name, new("dnn").name] == ["cnn-2", "cnn-3", "dnn-2"]

    def test_gives_back_the_bundle_that_it_was_made_of(self, make_bundle: MakeBundle):
        made = make_bundle()
        version = ModelVersion.add(made, origin="train")
        db.session.commit()
        assert version.bundle() == made
        assert version.card == made.card
        assert version.weights_sha256 == made.card.weights_sha256

    def test_is_found_by_its_name_and_by_its_weights(self, make_bundle: MakeBundle):
        version = ModelVersion.add(make_bundle(), origin="train")
        assert ModelVersion.named("cnn-2") is version
        assert ModelVersion.with_weights("cnn", version.weights_sha256) is version
        assert ModelVersion.with_weights("dnn", version.weights_sha256) is None
        assert ModelVersion.named("cnn-9") is None

    def test_remembers_parent_and_report(self, make_bundle: MakeBundle):
        parent = ModelVersion.named("cnn-1")
        ModelVersion.add(make_bundle(), origin="retrain", parent=parent, report={"passed": True})
        db.session.commit()
        db.session.expunge_all()
        child = ModelVersion.named("cnn-2")
        assert child is not None
        assert (child.parent_name, child.report_json) == ("cnn-1", {"passed": True})

    def test_with_damaged_bytes_is_not_loaded(self, new: Callable[[str], ModelVersion]):
        version = new("cnn")
        db.session.execute(
            update(ModelFile).where(ModelFile.version_name == version.name).values(content=b"x")
        )
        db.session.expire_all()
        with pytest.raises(BundleError, match="is damaged"):
            version.bundle()

    def test_without_its_files_is_not_loaded(self, new: Callable[[str], ModelVersion]):
        version = new("cnn")
        db.session.execute(delete(ModelFile).where(ModelFile.version_name == version.name))
        with pytest.raises(BundleError, match=r"cnn-2 has lost its model\.keras and model\.tflite"):
            version.bundle()

    def test_tells_the_sizes_of_its_plots_alone(self, make_bundle: MakeBundle):
        picture = to_png(np.zeros((20, 30), np.uint8))
        plots = {"learning-dark.png": picture, "broken.png": b"short"}
        version = ModelVersion.add(replace(make_bundle(), plots=plots), origin="train")
        db.session.commit()
        assert version.plot_sizes == {"learning-dark.png": (30, 20)}
        assert version.plot("learning-dark.png") == picture
        assert version.plot("model.keras") is None

    def test_is_listed_without_its_bytes(self, new: Callable[[str], ModelVersion]):
        new("cnn")
        db.session.commit()
        assert ModelVersion.newest_first()[0].name == "cnn-2"


class TestPromoting:
    def test_one_family_leaves_the_other_as_it_is(self, new: Callable[[str], ModelVersion]):
        promote(new("cnn"))
        assert live() == ("cnn-2", "dnn-1")

    def test_both_families_is_one_row(self, new: Callable[[str], ModelVersion]):
        promotion = promote(new("cnn"), new("dnn"))
        assert live() == ("cnn-2", "dnn-2")
        assert (promotion.by, promotion.reason) == ("test", "to see")
        assert db.session.query(Promotion).count() == 2

    def test_what_is_live_already_is_refused(self):
        version = ModelVersion.named("cnn-1")
        assert version is not None
        with pytest.raises(ValueError, match="cnn-1 and dnn-1 are live already"):
            promote(version)

    def test_one_family_alone_is_refused_where_nothing_is_live(
        self, new: Callable[[str], ModelVersion]
    ):
        db.session.execute(delete(Promotion))
        with pytest.raises(ValueError, match="No dnn is live yet"):
            promote(new("cnn"))


class TestRollingBack:
    def test_restores_what_was_live_before(self, new: Callable[[str], ModelVersion]):
        promote(new("cnn"))
        roll_back()
        assert live() == ("cnn-1", "dnn-1")

    def test_twice_goes_one_further_back(self, new: Callable[[str], ModelVersion]):
        for _ in range(2):
            promote(new("cnn"), new("dnn"))
        assert live() == ("cnn-3", "dnn-3")
        roll_back()
        assert live() == ("cnn-2", "dnn-2")
        roll_back()
        assert live() == ("cnn-1", "dnn-1")

    def test_adds_rows_and_deletes_none(self, new: Callable[[str], ModelVersion]):
        promote(new("cnn"))
        roll_back()
        rows = db.session.query(Promotion).order_by(Promotion.id).all()
        assert [row.cnn_name for row in rows] == ["cnn-1", "cnn-2", "cnn-1"]

    def test_further_than_the_first_promotion_is_refused(self, new: Callable[[str], ModelVersion]):
        promote(new("cnn"))
        roll_back()
        for _ in range(2):
            with pytest.raises(ValueError, match="no earlier promotion to go back to"):
                roll_back()
        assert live() == ("cnn-1", "dnn-1")

    def test_after_a_rollback_and_a_promotion_undoes_the_promotion(
        self, new: Callable[[str], ModelVersion]
    ):
        promote(new("cnn"))
        roll_back()
        promote(new("dnn"))
        assert live() == ("cnn-1", "dnn-2")
        roll_back()
        assert live() == ("cnn-1", "dnn-1")
