"""What posts and predictions tell people: the morning report, and advice to authors."""
