"""Texts: cleaning, statistics, and encoders that turn them into vectors.

Start with ``encoders``, the protocol, and ``transformer``, which runs any encoder of that library;
``batching`` fills batches by tokens. May import ``vkflow.neural``.
"""
