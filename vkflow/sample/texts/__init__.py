"""Russian posts on twelve topics, written from a grammar of phrases with slots."""
