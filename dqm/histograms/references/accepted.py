"""The reference of monitoring elements whose state an operator has accepted: what came since the change.

Up to where it was accepted all of it counts, whatever was thought of it; from there on only what could be trusted, so
that a later fault does not become the reference too. Slopes with pileup and ordinary movements stay those of the model.
"""

from dataclasses import replace

import numpy as np

from dqm.core.accepted import LEAST_ACCEPTED, Accepted
from dqm.core.drift import HELD_BACK, TRUSTED, Earlier, RunSums
from dqm.histograms.bundle import SubsystemModel
from dqm.histograms.references.choice import adapted, blocks_of, histograms_at_mean, start


def with_accepted(model: SubsystemModel, accepted: Accepted, earlier: Earlier) -> SubsystemModel:
    """The model with the shapes of ``accepted`` elements as the ``earlier`` runs have them since.

    An element with fewer than :data:`dqm.core.drift.LEAST_ACCEPTED` histograms is not judged. Entries of accepted ones
    are no longer held against those of their siblings: what was masked or repaired changes both.
    """
    reference = start(model)
    share, size, usable = reference.share.copy(), reference.size.copy(), reference.usable.copy()
    anew = np.array([name in accepted for name in model.catalogue.names])
    for block, group, where in blocks_of(model):
        own = share[where].reshape(group.reference.share.shape)
        for row in np.flatnonzero(anew[block.start : block.stop]):
            state = accepted[model.catalogue.names[block.start + row]]
            counts, histograms = np.zeros(block.bins), 0
            for run, sums in earlier:
                if run < state.since.run:
                    continue
                of_run = _vouched_for(sums) if run <= state.until.run else sums
                at_mean, trusted = histograms_at_mean(of_run, group, block, where)
                if trusted[row]:
                    counts += at_mean[row]
                    histograms += int(of_run.histograms[TRUSTED, block.start + row])
            usable[block.start + row] = histograms >= LEAST_ACCEPTED
            if histograms:
                own[row] = (counts + 0.5) / (counts.sum() + 0.5 * block.bins)
                size[block.start + row] = counts.sum()
        share[where] = own.ravel()
    learned = adapted(model, replace(reference, share=share, size=size, usable=usable))
    siblings = None if model.siblings is None else model.siblings.without(anew)
    return replace(learned, unsettled=anew & ~usable, siblings=siblings)


def _vouched_for(sums: RunSums) -> RunSums:
    """The sums as if all had been trusted."""
    parts = []
    for array in (sums.counts, sums.leaning, sums.histograms):
        together = np.zeros_like(array)
        together[TRUSTED] = array[TRUSTED] + array[HELD_BACK]
        parts.append(together)
    return RunSums(*parts)
