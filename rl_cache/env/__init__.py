"""Environments; importing this registers ``nightshift/HepCache-v0`` and ``nightshift/FileAdmission-v0``."""

import gymnasium

import rl_cache.env.llvm  # noqa: F401 - whoever trains on these loads torch, and often TensorFlow with TensorBoard

HEP_CACHE = "nightshift/HepCache-v0"
FILE_ADMISSION = "nightshift/FileAdmission-v0"

gymnasium.register(HEP_CACHE, entry_point="rl_cache.env.hep_cache:HepCache")
gymnasium.register(FILE_ADMISSION, entry_point="rl_cache.env.file_admission:FileAdmission")
