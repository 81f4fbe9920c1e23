"""Histograms with fewer bins: where events are few, edges are left out until each bin has enough of them.

Bins that are joined are neighbours, so a coarser histogram is known by which bins of the fine one begin a bin of it.
"""

import dataclasses

import numpy as np

from .arrays import FloatArray, IntArray
from .histogram import Histogram


def joined(counts: FloatArray, begins: IntArray) -> FloatArray:
    """Counts of a coarser histogram, array (..., bins), from those of the fine one; `begins` as in `coarser`."""
    sums: FloatArray = np.add.reduceat(counts, begins, axis=-1)
    return sums


def coarser(histogram: Histogram, begins: IntArray) -> Histogram:
    """The histogram of which each bin begins where a bin of `histogram` does.

    Arguments:
        histogram: `Histogram`.
        begins: sorted integer array, places of the fine bins that a coarse one begins with; the first one of each
            channel is among them. A first bin that is joined with the one before has none.
    """
    first_edges, shares = [], []
    for number, (inner, fine) in enumerate(zip(histogram.first_edges.values(), _first_bins(histogram))):
        kept = [place for place, members in enumerate(fine) if members[0] in begins]
        first_edges.append(inner[np.array(kept[1:], dtype=np.int64) - 1])
        if histogram.axis is not None:
            edges = histogram.axis.edges[number]
            shares.append(np.full((len(kept), edges.shape[1]), np.inf))
            for row, place in zip(shares[-1], kept):
                left = edges[place, : len(fine[place]) - 1][np.isin(fine[place][1:], begins)]
                row[: len(left)] = left
    no_jet = None if histogram.no_jet_edges is None else first_edges.pop()
    axis = histogram.axis and dataclasses.replace(histogram.axis, edges=tuple(shares))
    return Histogram(histogram.scorer, tuple(first_edges), no_jet, axis)


def begins_of(histogram: Histogram, counts: FloatArray, variance: FloatArray, least: float) -> IntArray:
    """`begins` of the finest histogram all of whose bins have enough events.

    A first bin with too few in one of its shares is not shared; first bins with too few are joined, from the last one
    on, where the signal is, and what is left at the other end is joined with its neighbour.

    Arguments:
        histogram: the fine `Histogram`.
        counts, variance: arrays (bins,), its expected events and their variance.
        least: events of average weight that each bin needs.
    """

    def enough(members: IntArray) -> bool:
        events = counts[members].sum()
        return bool(events > 0 and events**2 >= least * variance[members].sum())

    begins: list[int] = []
    for fine in _first_bins(histogram):
        groups: list[list[IntArray]] = [[]]
        for members in fine[::-1]:
            groups[-1].insert(0, members)
            if enough(np.concatenate(groups[-1])):
                groups.append([])
        left = groups.pop()
        if groups:
            groups[-1] = left + groups[-1]
        else:
            groups = [left]
        for group in groups[::-1]:
            shared = len(group) == 1 and all(enough(group[0][place : place + 1]) for place in range(len(group[0])))
            begins += group[0].tolist() if shared else [int(group[0][0])]
    return np.array(begins)


def _first_bins(histogram: Histogram) -> list[list[IntArray]]:
    """Of each channel the bins that the shares of each first bin are, arrays."""
    channels = zip(histogram.channels.values(), histogram.shares.values())
    return [np.split(np.arange(places.start, places.stop), np.cumsum(shares)[:-1]) for places, shares in channels]
