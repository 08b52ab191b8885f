"""Pictures: safe decoding, the media store, taxonomies, CLIP embeddings and zero-shot tags."""
