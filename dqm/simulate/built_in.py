"""The simulator's built-in detector: 125 MEs in four subsystems, in folders of what fails together.

The shapes are the kinds that tracking, calorimeter and muon monitoring have, positive and normalised to 1; no real data
went into them. A *mode* is an additive change of a shape that sums to zero: the shape at latent value z is ``base + z *
mode``. Modes of physical distributions are differences between two shapes whose parameters differ a little, so that a
mode looks like what a real drift does.
"""

import numpy as np

from dqm.simulate.templates import Template
from streams.arrays import Float64
from streams.records import Axis, MonitoringElement


def centres(axis: Axis) -> Float64:
    """Middles of the cells of an axis with equal cells."""
    width = (axis.upper - axis.lower) / axis.bins
    return np.asarray(axis.lower + width * (np.arange(axis.bins) + 0.5), dtype=float)


def normalised(shape: Float64) -> Float64:
    """The shape divided by its sum, which must be positive."""
    return np.asarray(shape / shape.sum(), dtype=float)


def gaussian(axis: Axis, mean: float, width: float, floor: float = 0.01) -> Float64:
    """A peak on a flat background that holds the share ``floor`` of all counts: timing, residuals."""
    peak = normalised(np.exp(-0.5 * ((centres(axis) - mean) / width) ** 2))
    return (1 - floor) * peak + floor / axis.bins


def landau(axis: Axis, most_probable: float, width: float) -> Float64:
    """Energy loss in a thin layer, by Moyal's approximation (Phil. Mag. 46 (1955) 263)."""
    reduced = (centres(axis) - most_probable) / width
    return normalised(np.exp(-0.5 * (reduced + np.exp(-reduced))) + 1e-6)


def falling(axis: Axis, slope: float) -> Float64:
    """An exponential spectrum that falls by e in ``slope``: energies, cluster sizes."""
    return normalised(np.exp(-(centres(axis) - axis.lower) / slope))


def channels(axes: tuple[Axis, ...], rng: np.random.Generator, spread: float = 0.12) -> Float64:
    """Occupancy of channels: smooth over each axis, periodic ripples, and an efficiency per channel.

    ``spread`` is the standard deviation of the logarithm of the efficiency.
    """
    shape = np.ones(tuple(axis.bins for axis in axes))
    for direction, axis in enumerate(axes):
        along = np.linspace(-1, 1, axis.bins)
        profile = 1 + 0.4 * along**2 + 0.15 * np.cos(np.pi * rng.integers(2, 6) * along + rng.uniform(0, 2 * np.pi))
        shape = np.moveaxis(np.moveaxis(shape, direction, -1) * profile, -1, direction)
    shape = shape * np.exp(spread * rng.standard_normal(shape.shape))
    return normalised(shape)


def ripple(base: Float64, rng: np.random.Generator, amplitude: float) -> Float64:
    """A mode of an occupancy: a slow wave over all axes, ``amplitude`` of the content at its crests."""
    wave = np.ones(base.shape)
    for direction, bins in enumerate(base.shape):
        along = np.linspace(0, 2 * np.pi, bins) * rng.uniform(0.5, 1.5) + rng.uniform(0, 2 * np.pi)
        wave = np.moveaxis(np.moveaxis(wave, direction, -1) * np.cos(along), -1, direction)
    change = amplitude * base * wave
    return np.asarray(change - base * change.sum(), dtype=float)


_WHEELS = (-2, -1, 0, 1, 2)
_SECTORS = (1, 4, 7, 10)


def built_in_templates(rng: np.random.Generator) -> list[Template]:
    """Templates of the detector; the generator decides channel efficiencies and calibration constants."""
    return [*_pixel(rng), *_strips(rng), *_calo(rng), *_muon(rng)]


def _pixel(rng: np.random.Generator) -> list[Template]:
    templates = []
    for layer in range(1, 5):
        folder = f"Pixel/Barrel/Layer{layer}"
        ladders, modules = Axis(6 + 4 * layer, 0, 6 + 4 * layer, "ladder"), Axis(16, -8, 8, "module")
        templates += [
            _occupancy("Pixel", f"{folder}/occupancy_map", (ladders, modules), 200_000, rng),
            _charge("Pixel", f"{folder}/charge", Axis(60, 0, 120, "cluster charge [ke]"), (22, 3.0), rng),
            _sizes("Pixel", f"{folder}/cluster_size", 2.2 + 0.4 / layer, rng),
            _peak("Pixel", f"{folder}/residual_x", Axis(50, -100, 100, "residual x [um]"), 18.0, rng),
        ]
    for disk in (-3, -2, -1, 1, 2, 3):
        folder = f"Pixel/Forward/Disk{disk:+d}"
        templates += [
            _occupancy("Pixel", f"{folder}/occupancy", (Axis(56, 0, 56, "blade"),), 60_000, rng),
            _charge("Pixel", f"{folder}/charge", Axis(60, 0, 120, "cluster charge [ke]"), (20, 2.8), rng),
            _sizes("Pixel", f"{folder}/cluster_size", 1.8, rng),
        ]
    return templates


def _strips(rng: np.random.Generator) -> list[Template]:
    templates = []
    for folder in [f"Strips/TIB/Layer{n}" for n in range(1, 5)] + [f"Strips/TOB/Layer{n}" for n in range(1, 7)]:
        templates += [
            _occupancy("Strips", f"{folder}/occupancy", (Axis(100, 0, 100, "module"),), 70_000, rng),
            _charge("Strips", f"{folder}/signal_to_noise", Axis(60, 0, 60, "signal to noise"), (16, 2.2), rng),
            _peak("Strips", f"{folder}/timing", Axis(50, -25, 25, "time [ns]"), 6.0, rng),
        ]
    return templates


def _calo(rng: np.random.Generator) -> list[Template]:
    templates = []
    for part in ("Barrel", "EndcapPlus", "EndcapMinus"):
        eta, phi = Axis(20, -1.5, 1.5, "eta"), Axis(24, -3.14, 3.14, "phi [rad]")
        templates += [
            _occupancy("Calo", f"Calo/Ecal{part}/occupancy_map", (eta, phi), 200_000, rng),
            _peak("Calo", f"Calo/Ecal{part}/timing", Axis(50, -12.5, 12.5, "time [ns]"), 1.8, rng),
            _spectrum("Calo", f"Calo/Ecal{part}/energy", Axis(60, 0, 30, "energy [GeV]"), 3.0, rng),
        ]
    for part in ("HB", "HE", "HF", "HO"):
        templates += [
            _occupancy("Calo", f"Calo/{part}/occupancy", (Axis(72, 1, 73, "phi index"),), 60_000, rng),
            _peak("Calo", f"Calo/{part}/timing", Axis(50, -25, 25, "time [ns]"), 4.0, rng),
            _spectrum("Calo", f"Calo/{part}/energy", Axis(60, 0, 60, "energy [GeV]"), 6.0, rng),
        ]
    return templates


def _muon(rng: np.random.Generator) -> list[Template]:
    templates = []
    for wheel in _WHEELS:
        for sector in _SECTORS:
            folder = f"Muon/Wheel{_signed(wheel)}/Sector{sector:02d}"
            templates += [
                _occupancy("Muon", f"{folder}/occupancy", (Axis(80, 1, 81, "wire"),), 30_000, rng),
                _peak("Muon", f"{folder}/segment_t0", Axis(50, -50, 50, "time [ns]"), 9.0, rng),
            ]
    return templates


def _occupancy(subsystem: str, name: str, axes: tuple[Axis, ...], per_pb: float, rng: np.random.Generator) -> Template:
    base = channels(axes, rng)
    modes = np.stack([ripple(base, rng, 0.03), ripple(base, rng, 0.02)])
    return Template(subsystem, MonitoringElement(name, axes), base.ravel(), modes.reshape(2, -1), per_pb)


def _peak(subsystem: str, name: str, axis: Axis, width: float, rng: np.random.Generator) -> Template:
    mean, wide = rng.normal(0, 0.1 * width), width * rng.uniform(0.9, 1.1)
    base = gaussian(axis, mean, wide)
    moved, wider = gaussian(axis, mean + 0.03 * wide, wide), gaussian(axis, mean, 1.015 * wide)
    return _varying(subsystem, name, axis, (base, moved, wider), per_pb=40_000, outside=(0.002, 0.002))


def _charge(subsystem: str, name: str, axis: Axis, shape: tuple[float, float], rng: np.random.Generator) -> Template:
    peak, width = shape
    at = peak * rng.uniform(0.95, 1.05)
    base = landau(axis, at, width)
    shapes = (base, landau(axis, 1.004 * at, width), landau(axis, at, 1.015 * width))
    return _varying(subsystem, name, axis, shapes, per_pb=60_000, outside=(0, 0.01))


def _sizes(subsystem: str, name: str, mean: float, rng: np.random.Generator) -> Template:
    axis = Axis(20, 0.5, 20.5, "cluster size [channels]")
    slope = mean * rng.uniform(0.95, 1.05)
    base = falling(axis, slope)
    doubled = normalised(base + 0.01 * np.roll(base, 1))
    return _varying(
        subsystem, name, axis, (base, falling(axis, 1.015 * slope), doubled), per_pb=100_000, outside=(0, 0.001)
    )


def _spectrum(subsystem: str, name: str, axis: Axis, slope: float, rng: np.random.Generator) -> Template:
    true = slope * rng.uniform(0.95, 1.05)
    base = falling(axis, true)
    harder = normalised(base + 0.01 * falling(axis, 3 * true))
    return _varying(
        subsystem, name, axis, (base, falling(axis, 1.015 * true), harder), per_pb=50_000, outside=(0, 0.003)
    )


def _varying(
    subsystem: str,
    name: str,
    axis: Axis,
    shapes: tuple[Float64, Float64, Float64],
    *,
    per_pb: float,
    outside: tuple[float, float],
) -> Template:
    """A template of the first shape that varies towards the two others."""
    base, first, second = shapes
    modes = np.stack([first - base, second - base])
    return Template(subsystem, MonitoringElement(name, (axis,)), base, modes, per_pb, outside)


def _signed(number: int) -> str:
    return f"{number:+d}" if number else "0"
