"""How everything under `models/` is made: from labelled text to sealed parts.

* corpus: labelled mentions as one table
* borrowed: labels that public sets imply
* contrasts: pairs that differ by a negation
* vocabulary: fewer word pieces, and pairs of them
* teach: the losses that encoders learn by
* encoder: the accurate encoder, a small transformer
* static: the fast encoder, one vector a word piece and pair
* cross_encoder: what is asked where the classifier doubts, mention and context in one input
* heads: scikit-learn heads on an encoder's vectors, calibrated
* judge: our figures beside plain baselines
* card: manifest and MODEL_CARD.md of a part
* labelled, own_stages: what an analyst hands in, checked row by row
* shipped: what every installation has to train from
* anchored, refit: new heads, held by the shipped ones
* comparing, own_card, registry: versions judged, described, promoted and rolled back
* retrain: all of that in order, one function
* segmenter, segmentation: the pipeline that cuts verbatims into mentions
* build: encoders and classifiers in order, `python -m painpoints_training.build`
"""
