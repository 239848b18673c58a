"""Count the parts that a topic was ever split into."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the change."""
    n_parts = sa.Column("n_parts", sa.Integer(), server_default="0", nullable=False)
    op.add_column("topic_edit", n_parts)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("topic_edit", schema=None) as batch_op:
        batch_op.drop_column("n_parts")
