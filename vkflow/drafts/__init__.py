"""A post before it is published: what is to be expected of it, and when to publish it.

Reads a trained bundle of ``vkflow.modelling`` and the advice of ``vkflow.insights``. Start with
``forecast``; ``hours`` and ``comparison`` stand on ``contrasts``, pages and tables on
``forecast_report``.
"""
