"""From what is known at publication to a probability: features, training, judging, bundles.

Start with ``training_set`` (posts become features and splits), then ``training`` (a linear stage,
trees beside it, calibration), ``judging`` and ``promotion``; ``bundles`` keeps what was
learnt, without pickle. Imports no other part of the library but settings.
"""
