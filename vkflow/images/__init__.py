"""Pictures: safe decoding, the media store, taxonomies, CLIP embeddings and zero-shot tags.

Start with ``tagger``, what a CLIP model is asked; ``media`` keeps what strangers send, decoded and
smaller. May import ``vkflow.neural``.
"""
