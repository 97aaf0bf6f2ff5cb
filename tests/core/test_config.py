from __future__ import annotations

import pytest

from gdest.core.config import read_config
from gdest.core.errors import SettingsError


def test_no_file_means_no_rules():
    assert read_config(None) == {}


@pytest.mark.parametrize(
    ("content", "what"), [(b"[nonsense]\n", "unknown section"), (b"= 3", "not valid TOML"), (b"\xff", "not valid TOML")]
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path, content, what):
    path = tmp_path / "gdest.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=what):
        read_config(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_config(tmp_path / "gdest.toml")
