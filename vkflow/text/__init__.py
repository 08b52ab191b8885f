"""Texts: cleaning, statistics, and encoders that turn them into vectors.

Start with ``encoders``, the protocol, ``checkpoints``, which loads an encoder of transformers, and
``transformer``, which runs it; ``batching`` fills batches by tokens. May import ``vkflow.neural``.
"""
