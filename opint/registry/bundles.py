"""All bundles below dqm.models, and which judges: the one that the settings name, until another is promoted."""

from dataclasses import dataclass

from conf.errors import NightshiftError
from conf.settings import DqmSettings
from dqm.core.bundle_files import MANIFEST, BundleError
from dqm.histograms.bundle import Bundle, load
from opint.store import models
from opint.store.engine import Store
from opint.store.models import Promotion


class PromotionError(NightshiftError):
    """A bundle cannot be promoted, or is not the one that was."""


@dataclass(frozen=True, slots=True)
class NamedBundle:
    """A bundle and the name of its folder below dqm.models."""

    name: str
    bundle: Bundle


def load_named(settings: DqmSettings, name: str) -> NamedBundle:
    """The bundle of this name, verified; raises BundleError."""
    return NamedBundle(name, load(settings.models / name))


def current_bundle(settings: DqmSettings, store: Store) -> NamedBundle:
    """The bundle that judges.

    Raises BundleError, and PromotionError if the promoted bundle has been changed since: what was compared and
    promoted was another model.
    """
    with store.read() as tx:
        promoted = models.promoted(tx, settings.model)
    if promoted is None:
        return load_named(settings, settings.model)
    named = load_named(settings, promoted.name)
    if named.bundle.version != promoted.version:
        raise PromotionError(
            f"{settings.models / promoted.name} has version {named.bundle.version[:12]}, but {promoted.actor} promoted "
            f"version {promoted.version[:12]}; put that bundle back, or `nightshift models promote` the one to use"
        )
    return named


def promote(settings: DqmSettings, store: Store, name: str, actor: str, note: str, now_s: float) -> Promotion:
    """Let the bundle ``name`` judge from the next start of each daemon on; recorded in one transaction.

    Raises BundleError for a bundle that cannot be used and PromotionError if it judges already.
    """
    if not actor.strip():
        raise PromotionError("the name of who promotes is empty; give one with --by")
    bundle = load_named(settings, name).bundle
    with store.begin() as tx:
        promoted = models.promoted(tx, settings.model)
        previous = promoted.version if promoted is not None else _version(settings)
        if previous == bundle.version:
            raise PromotionError(f"{name} (version {bundle.version[:12]}) judges already")
        done = Promotion(settings.model, name, bundle.version, previous, actor.strip(), note, now_s)
        models.promote(tx, done)
    return done


def _version(settings: DqmSettings) -> str:
    """Version of the bundle that the settings name; empty if it cannot be used."""
    try:
        return load_named(settings, settings.model).bundle.version
    except BundleError:
        return ""


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
        promotion = models.promoted(tx, settings.model)
        judged, in_shadow = models.lumisections_judged(tx)
    entries = []
    for path in sorted(settings.models.glob(f"*/{MANIFEST}")):
        name = path.parent.name
        role = "judges" if name == (promotion.name if promotion else settings.model) else ""
        role = role or ("shadow" if name == settings.shadow else "")
        promoted = promotion if promotion is not None and promotion.name == name else None
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
