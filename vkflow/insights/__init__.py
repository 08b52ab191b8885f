"""What posts and predictions tell people: the morning report, and advice to authors.

Start with ``advice``, which judges what authors choose; ``report`` has the page. May import
``vkflow.modelling``; README.md says how far the advice holds.
"""
