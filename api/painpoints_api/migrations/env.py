"""What Alembic runs: our tables, on the connection that `database.py` hands over."""

from alembic import context

from painpoints_api.records import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    user_module_prefix="records.",
)
with context.begin_transaction():
    context.run_migrations()
