"""The sample world: posts with planted effects, so that the best possible prediction is known.

Start with ``world``; ``drawings`` are its pictures, ``clip`` the tiny CLIP that knows them, and
``clip_training`` its training. The pipeline never reads the truth, but for judging.
"""
