"""For how long data were recorded: what a declared rate refers to."""

from streams.records import LUMISECTION_SECONDS, Conditions


def live_seconds(at: Conditions) -> float:
    """Time of the lumisection in which data were recorded, s.

    All of it where luminosity is not known; 0 without any, and while beams are not stable.
    """
    if at.beams_stable is False:
        return 0.0
    if at.delivered_lumi is None or at.recorded_lumi is None:
        return LUMISECTION_SECONDS
    if at.delivered_lumi <= 0:
        return 0.0
    return LUMISECTION_SECONDS * min(max(at.recorded_lumi / at.delivered_lumi, 0.0), 1.0)
