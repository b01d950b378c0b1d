"""What outlives the daemon: SQLAlchemy tables and their migrations."""
