"""From what is known at publication to a probability: features, training, judging, bundles."""
