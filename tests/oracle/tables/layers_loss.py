"""Losses as layers: the arguments are those that the functions' tables draw."""

from __future__ import annotations

from typing import Any

from tests.oracle.draws import Arg, Draw, layer
from tests.oracle.tables import loss

ORDER = {
    "CrossEntropyLoss": "weight size_average ignore_index reduce reduction label_smoothing",
    "NLLLoss": "weight size_average ignore_index reduce reduction",
    "MSELoss": "size_average reduce reduction",
    "L1Loss": "size_average reduce reduction",
    "SmoothL1Loss": "size_average reduce reduction beta",
    "HuberLoss": "reduction delta",
    "BCELoss": "weight size_average reduce reduction",
    "BCEWithLogitsLoss": "weight size_average reduce reduction pos_weight",
    "KLDivLoss": "size_average reduce reduction log_target",
    "CosineEmbeddingLoss": "margin size_average reduce reduction",
    "MarginRankingLoss": "margin size_average reduce reduction",
    "TripletMarginLoss": "margin p eps swap size_average reduce reduction",
    "MultiMarginLoss": "p margin weight size_average reduce reduction",
    "SoftMarginLoss": "size_average reduce reduction",
    "HingeEmbeddingLoss": "margin size_average reduce reduction",
    "CosineSimilarity": "dim eps",
    "PairwiseDistance": "p eps keepdim",
}
"""The parameters of each constructor, in the order of its signature."""

DRAWS = {
    "CrossEntropyLoss": lambda d: loss.nll(d, "F.cross_entropy"),
    "NLLLoss": lambda d: loss.nll(d, "F.nll_loss"),
    "MSELoss": loss.simple,
    "L1Loss": loss.simple,
    "SmoothL1Loss": loss.smooth,
    "HuberLoss": loss.huber,
    "BCELoss": loss.bce,
    "BCEWithLogitsLoss": loss.bce_logits,
    "KLDivLoss": loss.kl,
    "CosineEmbeddingLoss": loss.cosine_embedding,
    "MarginRankingLoss": loss.margin_ranking,
    "TripletMarginLoss": loss.triplet,
    "MultiMarginLoss": loss.multi_margin,
    "SoftMarginLoss": loss.others,
    "HingeEmbeddingLoss": loss.others,
    "CosineSimilarity": loss.cosine,
    "PairwiseDistance": loss.distance,
}
"""The table's draw of the function that each layer calls."""


@layer(*DRAWS)
def losses(d: Draw, name: str) -> Any:
    inputs, settings, *first = DRAWS[name](d)
    if first:  # second derivatives differ there
        inputs = (Arg(inputs[0].array, False), *inputs[1:])
    order = ORDER[name].split()
    if "reduce" in order and d.chance(15):  # the old spelling of reduction
        settings |= {"size_average": d.pick(None, True, False), "reduce": d.pick(None, True, False)}
    if d.chance(20):  # by position, as far as there are no gaps
        count = next((i for i, key in enumerate(order) if key not in settings), len(order))
        args = tuple(settings.pop(key) for key in order[:count])
        return args, settings, tuple(inputs)
    return (), {k: Arg(v.array, False) if isinstance(v, Arg) else v for k, v in settings.items()}, tuple(inputs)
