"""Training of the sample CLIP: a tiny open_clip model that knows only drawn pictures.

The recipe: a modified ResNet (Radford et al., 2021, https://arxiv.org/abs/2103.00020) of width 8
at 96 pixels and a text transformer of width 32, trained with CLIP's contrastive loss on drawings
and on captions made from the phrases of the `sample` taxonomy. About six CPU minutes.
"""
