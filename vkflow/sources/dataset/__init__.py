"""Posts from files: CSV and Parquet, one or a folder of them, here or behind a URL."""
