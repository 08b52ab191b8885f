"""Where posts come from. Adding a source is one module here and a name in ``opening``.

Start with ``source``, the protocol; ``validation`` sets aside what cannot be right. May import
``vkflow.settings`` and ``vkflow.databases``.
"""
