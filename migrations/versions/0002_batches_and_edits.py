"""Batches, forms, and digits that were replaced by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("digit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True))

    op.create_table(
        "batch",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("visitor_id", sa.String(length=26), nullable=False),
        sa.Column("form", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["visitor_id"], ["visitor.id"], name=op.f("fk_batch_visitor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index("ix_batch_visitor_id_id", ["visitor_id", "id"], unique=False)

    op.create_table(
        "batch_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("submission_id", sa.String(length=26), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_file_batch_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_batch_file_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_file")),
    )
    with op.batch_alter_table("batch_file", schema=None) as batch_op:
        batch_op.create_index("ix_batch_file_batch_id_id", ["batch_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_batch_file_submission_id"), ["submission_id"], unique=False
        )

    op.create_table(
        "batch_content",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["batch_file.id"], name=op.f("fk_batch_content_file_id")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_batch_content")),
    )


def downgrade() -> None:
    op.drop_table("batch_content")
    with op.batch_alter_table("batch_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_batch_file_submission_id"))
        batch_op.drop_index("ix_batch_file_batch_id_id")

    op.drop_table("batch_file")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index("ix_batch_visitor_id_id")

    op.drop_table("batch")
    with op.batch_alter_table("digit", schema=None) as batch_op:
        batch_op.drop_column("replaced_at")
