import numpy as np
import pytest

from conf.settings import RateSettings
from dqm.core.bundle_files import BundleError, TrainingError
from dqm.rates.bundle import load, save
from dqm.rates.train import LEAST_LUMISECTIONS, train
from dqm.simulate.rates import stream


def test_a_bundle_comes_back_with_its_version(bundle, tmp_path):
    saved = save(bundle, tmp_path / "again")
    again = load(tmp_path / "again")
    assert again.version == saved.version
    assert again.trained_s == 1000.0
    assert again.model.menu == bundle.model.menu
    for name, numbers in bundle.model.arrays().items():
        np.testing.assert_array_equal(again.model.arrays()[name], numbers)


def test_a_file_that_was_changed_is_refused(bundle, tmp_path):
    save(bundle, tmp_path / "again")
    path = tmp_path / "again" / "rates.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match="differs"):
        load(tmp_path / "again")


def test_a_folder_without_a_model_says_what_to_do(tmp_path):
    with pytest.raises(BundleError, match="nightshift train rates"):
        load(tmp_path)


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"kind": "histograms", "format": 1}'])
def test_what_is_no_model_of_rates_is_refused(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(BundleError):
        load(tmp_path)


def test_too_few_lumisections_are_refused(trigger, fills, tmp_path):
    rates = (item.rates for item in stream(trigger, fills[:100], (), 1))
    with pytest.raises(TrainingError, match=f"needs {LEAST_LUMISECTIONS}"):
        train(rates, tmp_path / "few", RateSettings(), np.random.default_rng(0), lambda *_: None)
