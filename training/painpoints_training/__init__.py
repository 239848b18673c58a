"""How everything under `models/` is made: from labelled text to sealed parts.

corpus   reads labelled mentions and text to adapt to
encoder  the accurate encoder: a small transformer tuned on all labels at once
static   the fast encoder: one vector a token, fitted to the accurate one
heads    scikit-learn heads on an encoder's vectors, calibrated
card     manifest and MODEL_CARD.md of a part
build    all parts in order: `python -m painpoints_training.build`
"""
