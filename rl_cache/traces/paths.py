"""What the path of a file says: the directory that rules are made for, and the dataset by CMS's convention.

CMS lays files out as ``/store/DATA-OR-MC/ERA/PRIMARY/TIER/PROCESSING/BLOCK/NAME.root``, which is the dataset
``/PRIMARY/ERA-PROCESSING/TIER``.
"""

import re

DEPTH = 3
"""Names of a path that make its directory, such as ``/store/mc/RunIISummer20UL18MiniAODv2`` or
``/atlas/rucio/mc16_13TeV``. XCache must count directories as deep (``pfc.dirstats maxdepth``) to give them quotas."""
_CMS = re.compile(r"/store/(?:data|mc|hidata|himc)/([^/]+)/([^/]+)/([^/]+)/([^/]+)/[^/]+/[^/]+")


def directory_of(path: str) -> str:
    """The first names of an absolute path, at most DEPTH of them and never the file's own; ``/`` where it has none."""
    return "/" + "/".join(path.split("/")[1:-1][:DEPTH])


def dataset_of(path: str) -> str:
    """The CMS dataset of a file, empty where its path is not of that layout."""
    match = _CMS.fullmatch(path)
    return f"/{match[2]}/{match[1]}-{match[4]}/{match[3]}" if match else ""
