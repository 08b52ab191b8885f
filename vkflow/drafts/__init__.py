"""A post before it is published: what it is, and what is to be expected of it."""
