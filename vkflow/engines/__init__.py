"""Who does the work: this process, or a Ray cluster."""
