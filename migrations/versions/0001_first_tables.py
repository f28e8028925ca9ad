"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_version",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(length=8), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("weights_sha256", sa.String(length=64), nullable=False),
        sa.Column("preprocessing_version", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("parent_name", sa.String(length=16), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_name"], ["model_version.name"], name=op.f("fk_model_version_parent_name")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_model_version")),
        sa.UniqueConstraint("family", "number", name=op.f("uq_model_version_family_number")),
    )
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_model_version_weights_sha256"), ["weights_sha256"], unique=False
        )

    op.create_table(
        "reviewer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviewer")),
        sa.UniqueConstraint("name", name=op.f("uq_reviewer_name")),
    )
    op.create_table(
        "visitor",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visitor")),
    )
    op.create_table(
        "model_file",
        sa.Column("version_name", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_name"],
            ["model_version.name"],
            name=op.f("fk_model_file_version_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_name", "name", name=op.f("pk_model_file")),
    )
    op.create_table(
        "promotion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cnn_name", sa.String(length=16), nullable=False),
        sa.Column("dnn_name", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("previous_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cnn_name"], ["model_version.name"], name=op.f("fk_promotion_cnn_name")
        ),
        sa.ForeignKeyConstraint(
            ["dnn_name"], ["model_version.name"], name=op.f("fk_promotion_dnn_name")
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["promotion.id"], name=op.f("fk_promotion_previous_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    op.create_table(
        "sign_in_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["reviewer_id"],
            ["reviewer.id"],
            name=op.f("fk_sign_in_link_reviewer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_link")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sign_in_link_token_sha256")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("visitor_id", sa.String(length=26), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=True),
        sa.Column("request_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitor.id"], name=op.f("fk_submission_visitor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "visitor_id", "key_sha256", name=op.f("uq_submission_visitor_id_key_sha256")
        ),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_key_sha256"), ["key_sha256"], unique=False)
        batch_op.create_index("ix_submission_visitor_id_id", ["visitor_id", "id"], unique=False)

    op.create_table(
        "digit",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("submission_id", sa.String(length=26), nullable=True),
        sa.Column("visitor_id", sa.String(length=26), nullable=True),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("width", sa.Double(), nullable=False),
        sa.Column("height", sa.Double(), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("refused", sa.String(length=16), nullable=True),
        sa.Column("alternatives", sa.JSON(), nullable=False),
        sa.Column("picture_sha256", sa.String(length=64), nullable=False),
        sa.Column("preprocessing_version", sa.Integer(), nullable=False),
        sa.Column("holdout", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_digit_submission_id")
        ),
        sa.ForeignKeyConstraint(["visitor_id"], ["visitor.id"], name=op.f("fk_digit_visitor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digit")),
    )
    with op.batch_alter_table("digit", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_digit_picture_sha256"), ["picture_sha256"], unique=False
        )
        batch_op.create_index("ix_digit_submission_id", ["submission_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_digit_visitor_id"), ["visitor_id"], unique=False)

    op.create_table(
        "original",
        sa.Column("submission_id", sa.String(length=26), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_original_submission_id")
        ),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_original")),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("digit_id", sa.String(length=26), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=True),
        sa.Column("visitor_id", sa.String(length=26), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digit_id"], ["digit.id"], name=op.f("fk_correction_digit_id")),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_correction_reviewer_id")
        ),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitor.id"], name=op.f("fk_correction_visitor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index("ix_correction_digit_id_id", ["digit_id", "id"], unique=False)
        batch_op.create_index("ix_correction_state_id", ["state", "id"], unique=False)

    op.create_table(
        "model_prediction",
        sa.Column("digit_id", sa.String(length=26), nullable=False),
        sa.Column("version_name", sa.String(length=16), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("probabilities", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["digit_id"], ["digit.id"], name=op.f("fk_model_prediction_digit_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_name"], ["model_version.name"], name=op.f("fk_model_prediction_version_name")
        ),
        sa.PrimaryKeyConstraint("digit_id", "version_name", name=op.f("pk_model_prediction")),
    )

    op.create_table(
        "picture",
        sa.Column("digit_id", sa.String(length=26), nullable=False),
        sa.Column("pixels", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["digit_id"], ["digit.id"], name=op.f("fk_picture_digit_id")),
        sa.PrimaryKeyConstraint("digit_id", name=op.f("pk_picture")),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("correction_id", sa.String(length=26), nullable=False),
        sa.Column("from_state", sa.String(length=16), nullable=True),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("visitor_id", sa.String(length=26), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"], ["correction.id"], name=op.f("fk_decision_correction_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_decision_reviewer_id")
        ),
        sa.ForeignKeyConstraint(
            ["visitor_id"], ["visitor.id"], name=op.f("fk_decision_visitor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_decision_correction_id"), ["correction_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_correction_id"))

    op.drop_table("decision")
    op.drop_table("picture")
    op.drop_table("model_prediction")
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index("ix_correction_state_id")
        batch_op.drop_index("ix_correction_digit_id_id")

    op.drop_table("correction")
    op.drop_table("original")
    with op.batch_alter_table("digit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_digit_visitor_id"))
        batch_op.drop_index("ix_digit_submission_id")
        batch_op.drop_index(batch_op.f("ix_digit_picture_sha256"))

    op.drop_table("digit")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index("ix_submission_visitor_id_id")
        batch_op.drop_index(batch_op.f("ix_submission_key_sha256"))

    op.drop_table("submission")
    op.drop_table("sign_in_link")
    op.drop_table("promotion")
    op.drop_table("model_file")
    op.drop_table("visitor")
    op.drop_table("reviewer")
    with op.batch_alter_table("model_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_version_weights_sha256"))

    op.drop_table("model_version")
