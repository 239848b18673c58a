"""Say which analysis another continues, and into which parts a topic is split."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the change."""
    op.add_column("analysis", sa.Column("continues", sa.String(length=40), nullable=True))
    op.add_column("topic_edit", sa.Column("parts", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("topic_edit", schema=None) as batch_op:
        batch_op.drop_column("parts")
    with op.batch_alter_table("analysis", schema=None) as batch_op:
        batch_op.drop_column("continues")
