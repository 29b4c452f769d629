"""Training, and the bundle that it leaves behind."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from conf.settings import AlertSettings, DqmSettings
from dqm.core.assembly import merge
from dqm.core.bundle_files import MANIFEST, BundleError, TrainingError
from dqm.core.quality import Quality, Reason
from dqm.histograms.bundle import load
from dqm.histograms.pipeline import Pipeline
from dqm.histograms.resolution import resolutions
from dqm.histograms.train import train
from streams.records import Axis, Catalogue, Conditions, HistogramBatch, LumisectionKey, MonitoringElement


def silent(_what, _share):
    """No progress is shown."""


def pipeline_of(bundle):
    return Pipeline(bundle, DqmSettings(), AlertSettings())


@pytest.fixture
def saved(toy_bundle, tmp_path_factory, tmp_path):
    """A copy of the toy's bundle that may be damaged."""
    base = tmp_path_factory.getbasetemp()
    source = next(path for path in base.glob("models*/toy") if (path / MANIFEST).exists())
    return shutil.copytree(source, tmp_path / "copy")


def test_a_loaded_bundle_scores_as_the_trained_one(toy_bundle, saved, toy):
    again = load(saved)
    assert again.version == toy_bundle.version
    assert len(again.version) == 64
    batches = [toy.batch(ls, run=1002) for ls in range(1, 6)]
    for item, other in zip(pipeline_of(toy_bundle).score(batches), pipeline_of(again).score(batches), strict=True):
        assert item.model_version == other.model_version
        assert item.scores.scores.tobytes() == other.scores.scores.tobytes()
        assert item.scores.p_values.tobytes() == other.scores.p_values.tobytes()
    assert pipeline_of(again).thresholds == pipeline_of(toy_bundle).thresholds


def test_the_manifest_says_what_it_was_made_of(saved):
    manifest = json.loads((saved / MANIFEST).read_text())
    assert manifest["training"]["lumisections"] + manifest["calibration"]["lumisections"] == 300
    assert manifest["training"] == {"first": "981:1", "last": "992:180", "lumisections": 180, "runs": 12}
    assert len(manifest["data"]) == 64
    assert manifest["libraries"]["numpy"]
    assert manifest["settings"]["false_incidents_per_shift"] == 1.0
    assert manifest["metrics"]["Muon"]["elements_judged"] == 18
    assert 0 < manifest["metrics"]["Muon"]["p_value_resolution"] < 1e-3


@pytest.mark.parametrize("name", ["subsystem0.npz", "lumisections.npz"])
def test_a_damaged_file_is_refused_by_name(saved, name):
    content = bytearray((saved / name).read_bytes())
    content[len(content) // 2] ^= 1
    (saved / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=name):
        load(saved)


def test_a_missing_file_or_folder_is_refused_by_name(saved, tmp_path):
    (saved / "lumisections.npz").unlink()
    with pytest.raises(BundleError, match=r"lumisections\.npz.*nightshift train"):
        load(saved)
    with pytest.raises(BundleError, match="nowhere"):
        load(tmp_path / "nowhere")


def rewritten(saved, change):
    manifest = json.loads((saved / MANIFEST).read_text())
    change(manifest)
    (saved / MANIFEST).write_text(json.dumps(manifest))
    return saved


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda item: item.update(format=99), "format is 99"),
        (lambda item: item["scorers"].pop("pull"), "scorers"),
        (lambda item: item.pop("subsystems"), "not a complete bundle"),
        (lambda item: item["files"].update({"../outside.npz": "0"}), "outside"),
    ],
)
def test_a_strange_manifest_is_refused(saved, change, message):
    with pytest.raises(BundleError, match=message):
        load(rewritten(saved, change))


def test_a_manifest_that_is_not_json_is_refused(saved):
    (saved / MANIFEST).write_text("not json")
    with pytest.raises(BundleError, match="not a complete bundle"):
        load(saved)


def test_pickled_objects_are_never_loaded(saved):
    import hashlib

    path = saved / "lumisections.npz"
    np.savez(path, folder_p=np.array([{"a": 1}], dtype=object))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(BundleError, match=r"lumisections\.npz.*plain arrays"):
        load(rewritten(saved, lambda item: item["files"].update({"lumisections.npz": digest})))


def test_saving_leaves_the_old_bundle_or_the_new_one(toy, tmp_path, monkeypatch):
    batches = [toy.batch(ls) for ls in range(1, 60)]
    first = train(batches, tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)

    def full(_file):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dqm.core.bundle_files.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            train(batches, tmp_path / "m", DqmSettings(), np.random.default_rng(2), silent)
    assert load(tmp_path / "m").version == first.version
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_training_is_repeatable(toy, tmp_path):
    batches = [toy.batch(ls) for ls in range(1, 60)]
    versions = {
        train(batches, tmp_path / f"m{n}", DqmSettings(), np.random.default_rng(5), silent).version for n in range(2)
    }
    assert len(versions) == 1


def test_no_good_lumisection_is_refused_in_words(toy, tmp_path):
    unstable = replace(toy.batch(1), conditions=Conditions(beams_stable=False))
    with pytest.raises(TrainingError, match="no good lumisections were given"):
        train([unstable], tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 7, 45])
def test_one_run_teaches_nothing_of_how_runs_differ(toy, tmp_path, count):
    """However many lumisections it has: nothing is called good or bad by its content, what is empty alarms."""
    batches = [toy.batch(ls) for ls in range(1, count + 1)]
    bundle = train(batches, tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)
    (reached,) = resolutions(bundle, pipeline_of(bundle).thresholds)
    assert not reached.suffices
    assert "Train on several runs" in reached.sentence()

    def empty(_catalogue, means):
        means[0][0] = 0.0

    pipeline = pipeline_of(bundle)
    scored = pipeline.score([toy.batch(400, run=1001), toy.batch(401, run=1001, edit=empty)])
    good, faulty = (pipeline.close(merge(None, batch, 0.0).state, {}, 1.0, "complete") for batch in scored)
    assert set(good.verdicts["Muon"].reasons) == {Reason.RESOLUTION}
    assert good.verdicts["Muon"].quality == Quality.NOT_INSPECTED
    assert faulty.verdicts["Muon"].reasons[0] == Reason.STARVED
    assert faulty.verdicts["Muon"].quality == Quality.BAD


def test_lumisections_without_stable_beams_are_left_out(toy, tmp_path):
    batches = [toy.batch(ls) for ls in range(1, 120)]
    unstable = [replace(batch, conditions=Conditions(beams_stable=False)) for batch in batches[60:]]
    bundle = train(batches[:60] + unstable, tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)
    assert bundle.manifest["training"]["lumisections"] == 60


def test_few_runs_all_calibrate(toy, tmp_path):
    batches = [toy.batch(ls, run=1000 + ls // 20) for ls in range(1, 60)]
    bundle = train(batches, tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)
    assert bundle.manifest["training"]["runs"] == bundle.manifest["calibration"]["runs"] == 3


def test_histograms_with_next_to_no_entries_teach_nothing(toy, tmp_path):
    empty = [
        replace(batch, entries=np.zeros_like(batch.entries), counts=tuple(np.zeros_like(part) for part in batch.counts))
        for batch in (toy.batch(ls) for ls in range(1, 4))
    ]
    with pytest.raises(TrainingError, match="Muon: no monitoring element can be learned: none of 54 good histograms"):
        train(empty, tmp_path / "m", DqmSettings(), np.random.default_rng(1), silent)


def test_a_model_says_how_rare_a_thing_it_can_tell(toy_bundle):
    (reached,) = resolutions(toy_bundle, pipeline_of(toy_bundle).thresholds)
    assert (reached.elements, reached.lumisections, reached.runs) == (18, 120, 8)
    assert reached.scores == 18 * 120
    assert reached.suffices
    assert "18 elements, calibrated on 120 lumisections of 8 runs: can tell 1 in" in reached.sentence()


@pytest.mark.parametrize(("runs", "suffices"), [(2, False), (3, False), (4, True)])
def test_so_many_runs_can_tell_whole_runs_of_a_single_element(tmp_path, runs, suffices):
    batches = list(whole_runs(np.random.default_rng(0), runs))
    bundle = train(batches, tmp_path / "csc", DqmSettings(), np.random.default_rng(1), silent)
    (reached,) = resolutions(bundle, pipeline_of(bundle).thresholds)
    assert reached.suffices == suffices
    assert suffices or "train on more good runs" in reached.sentence()


def test_changing_axes_are_refused_by_name(toy, tmp_path):
    batches = [toy.batch(ls) for ls in range(1, 60)]
    other = replace(toy.catalogue.elements[0], axes=(Axis(toy.catalogue.blocks[0].bins, 0.0, 99.0),))
    changed = Catalogue.of([other, *toy.catalogue.elements[1:]])
    with pytest.raises(TrainingError, match=toy.catalogue.names[0]):
        train(
            [*batches, replace(toy.batch(60), catalogue=changed)],
            tmp_path / "m",
            DqmSettings(),
            np.random.default_rng(1),
            silent,
        )


def whole_runs(rng, count, spoil=None):
    """One ME of 195 bins over whole runs whose statistics span three decades."""
    catalogue = Catalogue.of([MonitoringElement("CSC/Segments/time", (Axis(195, -100.0, 100.0),))])
    centre = np.linspace(-3, 3, 195)
    for run in range(count):
        shape = np.exp(-0.5 * (centre - 0.05 * np.sin(run / 9)) ** 2) + 0.01
        if spoil is not None:
            spoil(shape)
        total = np.exp(rng.uniform(np.log(2e4), np.log(2e7)))
        counts = rng.poisson(total * shape / shape.sum())[None].astype(np.int64)
        yield HistogramBatch(
            LumisectionKey(300_000 + run, 0),
            "/CSC/Run2017/DQM",
            "CSC",
            Conditions(fill=6000 + run),
            catalogue,
            (counts,),
            np.zeros((1, 2)),
            counts.sum(axis=1).astype(np.float64),
        )


def test_whole_runs_of_a_single_element(tmp_path):
    rng = np.random.default_rng(0)
    bundle = train(whole_runs(rng, 300), tmp_path / "csc", DqmSettings(), np.random.default_rng(1), silent)
    assert bundle.whole_runs
    pipeline = pipeline_of(bundle)

    def deviating(spoil=None):
        results = [
            pipeline.close(merge(None, item, 0.0).state, {}, 1.0, "complete").verdicts["CSC"].reasons[0]
            for item in pipeline.score(list(whole_runs(rng, 100, spoil)))
        ]
        return np.mean(np.array(results) == Reason.DEVIATES)

    def dead(shape):
        shape[90:100] = 0

    assert deviating() < 0.12
    assert deviating(dead) > 0.95
