"""What the history is filtered by, and the review queue."""

import json
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CHUNK = 1_000
SHOWN = "replaced_at IS NULL"
FILTERS = (
    "label",
    "corrected_to",
    "correction_state",
    "sureness",
    "unsure",
    "disagree",
    "refused",
    "source",
    "cnn_version",
    "dnn_version",
    "visitor_id",
)
INDEXES = {
    **{f"ix_digit_shown_{column}": ([column, "id"], SHOWN) for column in FILTERS},
    "ix_digit_shown_reading": (["reading", "id"], SHOWN),
    "ix_digit_shown_confidence": (["confidence", "id"], SHOWN),
    "ix_digit_shown_doubt": (["doubt", "id"], f"{SHOWN} AND doubt IS NOT NULL"),
    "ix_digit_shown_conflict": (["conflict", "id"], f"{SHOWN} AND conflict"),
    "ix_digit_shown_all": (["id", *FILTERS, "confidence"], SHOWN),
}


def upgrade() -> None:
    with op.batch_alter_table("digit", schema=None) as batch_op:
        for column in _columns():
            batch_op.add_column(column)
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("suspect", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    op.create_table(
        "action",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("label", sa.SmallInteger(), nullable=True),
        sa.Column("visitor_id", sa.String(length=26), nullable=True),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("num_digits", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["visitor_id"], ["visitor.id"], name=op.f("fk_action_visitor_id")),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_action_reviewer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action")),
    )
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_action_visitor_id"), ["visitor_id"], unique=False)
        batch_op.create_index(
            "ix_action_reviewer_id_created_at", ["reviewer_id", "created_at"], unique=False
        )
    op.create_table(
        "lease",
        sa.Column("digit_id", sa.String(length=26), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["digit_id"], ["digit.id"], name=op.f("fk_lease_digit_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["reviewer.id"], name=op.f("fk_lease_reviewer_id")
        ),
        sa.PrimaryKeyConstraint("digit_id", name=op.f("pk_lease")),
    )
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lease_reviewer_id"), ["reviewer_id"], unique=False)
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("action_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_decision_action_id"), "action", ["action_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_decision_action_id"), ["action_id"], unique=False)

    _fill_in()
    for name, (columns, where) in INDEXES.items():
        condition = sa.text(where)
        op.create_index(name, "digit", columns, sqlite_where=condition, postgresql_where=condition)


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.String(length=16), nullable=False, server_default="import"),
        sa.Column("reading", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("cnn_version", sa.String(length=16), nullable=True),
        sa.Column("dnn_version", sa.String(length=16), nullable=True),
        sa.Column("disagree", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("sureness", sa.SmallInteger(), nullable=True),
        sa.Column("margin", sa.Double(), nullable=False, server_default="1"),
        sa.Column("corrected_to", sa.SmallInteger(), nullable=True),
        sa.Column("correction_state", sa.String(length=16), nullable=False, server_default="none"),
        sa.Column("conflict", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("doubt", sa.Double(), nullable=True),
    ]


def _fill_in() -> None:
    """Derive the new columns from what stands in the other tables, some digits at a time."""
    connection = op.get_bind()
    last = ""
    while digits := _digits_after(connection, last):
        last = digits[-1]["id"]
        connection.execute(UPDATE, [_derived(connection, digit) for digit in digits])


UPDATE = sa.text(
    "UPDATE digit SET source = :source, reading = :reading, cnn_version = :cnn_version,"
    " dnn_version = :dnn_version, disagree = :disagree, sureness = :sureness, margin = :margin,"
    " corrected_to = :corrected_to, correction_state = :correction_state, doubt = :doubt"
    " WHERE id = :digit_id"
).bindparams(sa.bindparam("disagree", type_=sa.Boolean()))


def _digits_after(connection: Any, last: str) -> list[Any]:
    query = sa.text(
        "SELECT digit.id, digit.submission_id, label, confidence, unsure, refused, alternatives,"
        " submission.source AS source FROM digit"
        " LEFT JOIN submission ON submission.id = digit.submission_id"
        " WHERE digit.id > :last ORDER BY digit.id LIMIT :chunk"
    )
    return list(connection.execute(query, {"last": last, "chunk": CHUNK}).mappings())


def _derived(connection: Any, digit: Any) -> dict[str, Any]:
    alternatives = digit["alternatives"]
    if isinstance(alternatives, str):
        alternatives = json.loads(alternatives)
    shares = [share for _, share in alternatives or []]
    margin = shares[0] - shares[1] if len(shares) > 1 else 1.0
    models = _models(connection, digit["id"])
    disagree = len({label for _, label in models}) > 1
    versions = {name.partition("-")[0]: name for name, _ in models}
    standing = _standing(connection, digit["id"])
    confidence = digit["confidence"]
    return {
        "digit_id": digit["id"],
        "source": digit["source"] or "import",
        "reading": _reading(connection, digit["submission_id"]),
        "cnn_version": versions.get("cnn"),
        "dnn_version": versions.get("dnn"),
        "disagree": disagree,
        "sureness": None if confidence is None else int(100 * confidence),
        "margin": margin,
        "corrected_to": standing and (-1 if standing[0] is None else standing[0]),
        "correction_state": standing[1] if standing else "none",
        "doubt": _doubt(digit, margin, disagree, standing),
    }


def _models(connection: Any, digit_id: str) -> list[tuple[str, int]]:
    query = sa.text("SELECT version_name, label FROM model_prediction WHERE digit_id = :id")
    return [tuple(row) for row in connection.execute(query, {"id": digit_id})]


def _standing(connection: Any, digit_id: str) -> Any:
    query = sa.text(
        "SELECT label, state FROM correction WHERE digit_id = :id AND state != 'withdrawn'"
        " ORDER BY id DESC LIMIT 1"
    )
    return connection.execute(query, {"id": digit_id}).first()


def _reading(connection: Any, submission_id: str | None) -> str:
    query = sa.text(
        "SELECT line, label FROM digit WHERE submission_id = :id AND replaced_at IS NULL"
        " ORDER BY line, position"
    )
    found = connection.execute(query, {"id": submission_id}) if submission_id else []
    lines = groupby(found, key=lambda row: row[0])
    marks = [
        "".join("?" if label is None else str(label) for _, label in line) for _, line in lines
    ]
    return " ".join(marks)[:64]


def _doubt(digit: Any, margin: float, disagree: bool, standing: Any) -> float | None:
    if standing is None:
        if digit["refused"]:
            return 0.5
        return 1 - margin if digit["unsure"] or disagree else None
    if standing[1] != "pending":
        return None
    if standing[0] == digit["label"] or digit["confidence"] is None:
        return 1 - margin
    return max(digit["confidence"], 1 - margin)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "digit")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_action_id"))
        batch_op.drop_constraint(batch_op.f("fk_decision_action_id"), type_="foreignkey")
        batch_op.drop_column("action_id")
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lease_reviewer_id"))
    op.drop_table("lease")
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.drop_index("ix_action_reviewer_id_created_at")
        batch_op.drop_index(batch_op.f("ix_action_visitor_id"))
    op.drop_table("action")
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_column("suspect")
    with op.batch_alter_table("digit", schema=None) as batch_op:
        for column in reversed(_columns()):
            batch_op.drop_column(column.name)
