"""How old and how large a dataset is."""

import numpy as np

from opint.popularity.history import Float32, History
from opint.popularity.label import Label


def age(history: History, _: Label) -> dict[str, Float32]:
    """Weeks since it is known (-1 before), whether its size is known, and ln of that in bytes, 0 where it is not."""
    n, weeks = history.shape
    known = np.arange(weeks, dtype=np.float32) - history.known_since[:, None].astype(np.float32)
    sized = np.isfinite(history.size_bytes)
    log = np.log(np.maximum(np.where(sized, history.size_bytes, 1.0), 1.0)).astype(np.float32)
    return {
        "age_weeks": np.maximum(known, np.float32(-1)),
        "size_known": np.broadcast_to(sized.astype(np.float32)[:, None], (n, weeks)),
        "log_size": np.broadcast_to(log[:, None], (n, weeks)),
    }
