"""Other ways to predict, and how they compare: experiments, text baselines, parameter search.

Nothing a night runs imports this package. Begin with :mod:`vkflow.research.variants`.
"""
