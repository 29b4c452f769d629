"""Ways of deciding week by week what lies on disk, one file each."""
