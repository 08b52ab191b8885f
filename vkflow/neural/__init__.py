"""What every neural model needs, of texts or of pictures: its weights, and a device to run on.

Models are fetched by name into a folder (``hub``), told apart by the digest of their files
(``weights``), and run on a GPU or a CPU in a number format it has (``devices``); the threads of a
CPU take a batch each (``sharing``).
"""
