"""All bundles below dqm.models, and what each of them does."""

from dataclasses import dataclass

from conf.settings import DqmSettings
from dqm.core.bundle_files import MANIFEST, BundleError
from opint.registry.promotion import load_named
from opint.store import models
from opint.store.engine import Store
from opint.store.models import Promotion


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One bundle; ``trouble`` says why it cannot be used. Its role: judges, shadow, or empty.

    ``judged`` and ``in_shadow`` are the lumisections in the database that its version has judged either way.
    """

    name: str
    version: str = ""
    role: str = ""
    trained: str = ""
    judged: int = 0
    in_shadow: int = 0
    promoted: Promotion | None = None
    trouble: str = ""


def list_bundles(settings: DqmSettings, store: Store) -> list[BundleEntry]:
    """The bundles by name."""
    with store.read() as tx:
        standing = models.promoted(tx, settings.model)
        judged, in_shadow = models.lumisections_judged(tx)
    entries = []
    for path in sorted(settings.models.glob(f"*/{MANIFEST}")):
        name = path.parent.name
        role = "judges" if name == (standing.name if standing else settings.model) else ""
        role = role or ("shadow" if name == settings.shadow else "")
        promoted = standing if standing is not None and standing.name == name else None
        try:
            bundle = load_named(settings, name).bundle
        except BundleError as error:
            entries.append(BundleEntry(name, role=role, promoted=promoted, trouble=str(error)))
            continue
        version, period = bundle.version, bundle.manifest["training"]
        trouble = "changed since it was promoted" if promoted and promoted.version != version else ""
        trained = "" if trouble else f"{period['first']} to {period['last']}"
        counts = (judged.get(version, 0), in_shadow.get(version, 0))
        entries.append(BundleEntry(name, version, role, trained, *counts, promoted, trouble))
    return entries
