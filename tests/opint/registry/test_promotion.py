"""Which bundle judges, and how that changes."""

import json
import shutil

import pytest

from conf.settings import DqmSettings, Settings
from dqm.core.bundle_files import MANIFEST, BundleError
from dqm.histograms.bundle import load
from opint.histograms.handler import load_pipeline, load_shadow
from opint.registry.bundles import PromotionError, current_bundle, list_bundles, promote
from opint.store import models as stored


@pytest.fixture
def dqm(models, tmp_path) -> DqmSettings:
    """Settings with two bundles of equal numbers and different versions."""
    folder = tmp_path / "models"
    for name in ("histograms", "candidate"):
        shutil.copytree(models / "histograms", folder / name)
    renew(folder / "candidate")
    return DqmSettings(models=folder)


def renew(folder) -> None:
    """Give a bundle another version, as training again would."""
    report = json.loads((folder / MANIFEST).read_text())
    report["renewed"] = report.get("renewed", 0) + 1
    (folder / MANIFEST).write_text(json.dumps(report))


def version(dqm, name) -> str:
    return load(dqm.models / name).version


def test_the_settings_decide_until_somebody_promotes(store, dqm) -> None:
    assert current_bundle(dqm, store).name == "histograms"
    done = promote(dqm, store, "candidate", " ana ", "sees the hot tower", 5.0)
    result = current_bundle(dqm, store)
    assert (result.name, result.bundle.version) == ("candidate", version(dqm, "candidate"))
    assert (done.actor, done.previous, done.at_s) == ("ana", version(dqm, "histograms"), 5.0)
    with store.read() as tx:
        assert stored.promoted(tx, "histograms") == done
        assert stored.promoted(tx, "other") is None


def test_going_back_is_promoting_the_earlier_one(store, dqm) -> None:
    promote(dqm, store, "candidate", "ana", "", 5.0)
    done = promote(dqm, store, "histograms", "ben", "too loud", 6.0)
    assert current_bundle(dqm, store).name == "histograms"
    assert done.previous == version(dqm, "candidate")


@pytest.mark.parametrize("name", ["histograms", "candidate"])
def test_what_judges_already_is_not_promoted(store, dqm, name) -> None:
    if name == "candidate":
        promote(dqm, store, name, "ana", "", 5.0)
    with pytest.raises(PromotionError, match="judges already"):
        promote(dqm, store, name, "ana", "", 6.0)


def test_a_bundle_that_cannot_be_used_is_not_promoted(store, dqm) -> None:
    (dqm.models / "candidate" / "lumisections.npz").write_bytes(b"damaged")
    with pytest.raises(BundleError, match="differs from what the manifest says"):
        promote(dqm, store, "candidate", "ana", "", 5.0)
    with pytest.raises(PromotionError, match="--by"):
        promote(dqm, store, "histograms", " ", "", 5.0)
    assert current_bundle(dqm, store).name == "histograms"


def test_a_promoted_bundle_that_was_trained_again_is_refused(store, dqm) -> None:
    promote(dqm, store, "candidate", "ana", "", 5.0)
    renew(dqm.models / "candidate")
    with pytest.raises(PromotionError, match=r"but ana promoted version .* `nightshift models promote`"):
        current_bundle(dqm, store)
    promote(dqm, store, "candidate", "ana", "", 6.0)
    assert current_bundle(dqm, store).bundle.version == version(dqm, "candidate")


def test_the_first_bundle_of_all_replaces_none(store, dqm) -> None:
    shutil.rmtree(dqm.models / "histograms")
    assert promote(dqm, store, "candidate", "ana", "", 5.0).previous == ""


def test_the_daemon_loads_what_was_promoted(store, dqm) -> None:
    settings = Settings(dqm=dqm.model_copy(update={"shadow": "candidate"}))
    assert load_pipeline(settings, store).version == version(dqm, "histograms")
    shadow = load_shadow(settings, store)
    assert shadow is not None
    assert shadow.version == version(dqm, "candidate")
    promote(dqm, store, "candidate", "ana", "", 5.0)
    assert load_pipeline(settings, store).version == version(dqm, "candidate")
    assert load_shadow(settings, store) is None, "a model is not compared with itself"
    assert load_shadow(Settings(dqm=dqm), store) is None


def test_the_lineup(store, dqm) -> None:
    both = dqm.model_copy(update={"shadow": "candidate"})
    shutil.copytree(dqm.models / "histograms", dqm.models / "broken")
    (dqm.models / "broken" / "lumisections.npz").write_bytes(b"")
    reports = {bundle.name: bundle for bundle in list_bundles(both, store)}
    assert {name: item.role for name, item in reports.items()} == {
        "broken": "",
        "candidate": "shadow",
        "histograms": "judges",
    }
    assert "lumisections.npz" in reports["broken"].trouble
    assert reports["histograms"].trained.startswith("370000:1 to ")
    done = promote(dqm, store, "candidate", "ana", "", 5.0)
    renew(dqm.models / "candidate")
    reports = {bundle.name: bundle for bundle in list_bundles(dqm, store)}
    assert (reports["candidate"].role, reports["candidate"].promoted) == ("judges", done)
    assert reports["candidate"].trouble == "changed since it was promoted"
    assert reports["histograms"].role == ""
