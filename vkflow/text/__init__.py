"""Texts: cleaning, statistics, and encoders that turn them into vectors."""
