"""The library: sources, texts, pictures, modelling, insights, drafts, trials, the sample world.

Pure functions on Polars frames and plain values: no Prefect, no DuckDB, nothing of ``tasks``,
``flows`` or ``warehouse``. Start with ``activities``, the eight things that are predicted, and
``modelling``.
"""
