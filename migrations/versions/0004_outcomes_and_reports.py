"""What became of visitors' corrections, and what each retraining knew of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_version", sa.Column("taught_until", sa.Integer(), nullable=True))

    op.create_table(
        "outcome",
        sa.Column("digit_id", sa.String(length=26), nullable=False),
        sa.Column("cnn_name", sa.String(length=16), nullable=False),
        sa.Column("dnn_name", sa.String(length=16), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["digit_id"], ["digit.id"], name=op.f("fk_outcome_digit_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["cnn_name"],
            ["model_version.name"],
            name=op.f("fk_outcome_cnn_name"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["dnn_name"],
            ["model_version.name"],
            name=op.f("fk_outcome_dnn_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digit_id", "cnn_name", "dnn_name", name=op.f("pk_outcome")),
    )
    # A retraining from before knew of all that had been accepted when it saved its versions.
    op.execute(
        "UPDATE model_version SET taught_until = (SELECT MAX(decision.id) FROM decision "
        "WHERE decision.created_at <= model_version.created_at) WHERE origin = 'retrain'"
    )


def downgrade() -> None:
    op.drop_table("outcome")
    # Not as a batch: that drops the table and makes it anew, and the files of all versions, which
    # hang on it, would go with it.
    op.drop_column("model_version", "taught_until")
