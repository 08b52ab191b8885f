"""SQL databases of other people: connecting without telling secrets, and writing tables to them.

Start with ``connections``; what is read from a database is in ``vkflow.sources.database``.
"""
