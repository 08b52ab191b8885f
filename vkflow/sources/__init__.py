"""Where posts come from. Adding a source is one module here and a name in ``opening``."""
