"""A message of trigger rates and one of event features, as they are decoded."""

import numpy as np

from streams.records import Conditions, EventFeatures, LumisectionKey, TriggerMenu, TriggerRates

KEY = LumisectionKey(386000, 120)
CONDITIONS = Conditions(10144, "Run2024I", 52.1, 0.42, 0.40, 6, True, {"bpix": True, "fpix": False})
MENU = TriggerMenu(("L1_A", "L1_B"), ("HLT_1", "HLT_2", "HLT_3"), (1, 0, 1))
RATES = TriggerRates(
    KEY,
    "/Trigger/Run2024I/RATES",
    CONDITIONS,
    MENU,
    np.array([8211.25, 10.0]),
    np.array([211.5, 0.0, 3.25]),
    np.array([1.0, 2.0]),
    np.array([1.0, 0.0, 20.0]),
)
EVENTS = EventFeatures(
    KEY,
    "/SingleMuon/Run2024I/FEATURES",
    CONDITIONS,
    ("met_gev", "jets"),
    np.array([4, 1812345]),
    np.array([[33.5, 2], [-12.25, 0]], dtype=np.float32),
)
