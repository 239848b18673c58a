"""Vectors to topics with stable ids: found once, frozen, then assigned by one function.

What is found (`finding`, by `clustering`) is frozen to centroids, and `TopicModel.assign` alone says
which topic a mention has, for the data that made the topics and for all later data. `lineage` hands
the ids of a fit to the next. Names of topics are `painpoints.labels`' affair.
"""

from painpoints.topics.finding import fit
from painpoints.topics.lineage import Descent, match
from painpoints.topics.model import TopicModel

__all__ = ["Descent", "TopicModel", "fit", "match"]
