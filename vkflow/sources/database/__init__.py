"""Posts from a table or query of an SQL database."""
