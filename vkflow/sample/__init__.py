"""The sample world: drawn pictures, the tiny CLIP that knows them, and its training."""
