"""The library: sources, text, pictures, modelling and the sample world. No Prefect, no DuckDB."""
