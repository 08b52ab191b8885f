"""Who does the work: this process, or a Ray cluster.

Start with ``engine``, the protocols of engines and workers; ``parts`` are files that work travels
in, ``workers`` what is done with them. Only ``ray_data`` imports Ray.
"""
