"""Other ways to predict, and how they are compared: experiments, rivals, search of parameters.

Nothing a night runs imports this package. Begin with :mod:`vkflow.research.variants`.
"""
