"""What to do: looked up by names that are never paths, and shown as HTML that can do no harm."""

import pytest

from conf.errors import SettingsError
from opint.guidance import LARGEST_FILE, load_guidance, render


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "guidance"
    for name, text in {
        "family/content": "Compare.",
        "subsystem/Muon": "Call the Muon expert.",
        "folder/Muon/Sector1": "Reset its crate.",
        "default": "Log it.",
    }.items():
        path = root / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_is_narrower_comes_first(folder):
    guidance = load_guidance(str(folder))
    assert guidance.text_of("content", "Muon", "Muon/Sector1/inner").split("\n\n") == [
        "Reset its crate.",
        "Call the Muon expert.",
        "Compare.",
        "Log it.",
    ]
    assert guidance.text_of("frozen", "Pixel", "") == "Log it."


def test_names_of_incidents_reach_no_file_outside(folder, tmp_path):
    (tmp_path / "secret.md").write_text("zebra")
    guidance = load_guidance(str(folder))
    for name in ("../../secret", "../secret", "/etc/passwd", "..", str(tmp_path / "secret")):
        assert "zebra" not in guidance.text_of(name, name, name)


def test_without_a_folder_there_is_none():
    assert load_guidance("").text_of("content", "Muon", "Muon/Sector1") == ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\xff", "is not UTF-8 text"), (b"x" * (LARGEST_FILE + 1), "is larger than")],
)
def test_a_file_that_is_no_guidance_is_refused(content, expected, folder):
    (folder / "default.md").write_bytes(content)
    with pytest.raises(SettingsError, match=expected):
        load_guidance(str(folder))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"alerts\.guidance is '.*gone', which is no folder"):
        load_guidance(str(tmp_path / "gone"))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "![x](http://x/y.png)",
        "<a href='data:text/html,x'>x</a>",
    ],
)
def test_nothing_that_could_do_harm_becomes_html(text):
    html = render(text)
    assert not any(part in html for part in ("<script", "<img", 'href="javascript', 'href="data'))


def test_markdown_becomes_html_with_headings_below_those_of_the_page():
    html = render("# Call\n\n* [wiki](https://example.org/a)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert "<h3>Call</h3>" in html
    assert '<a href="https://example.org/a" rel="noreferrer">wiki</a>' in html
    assert "<td>1</td>" in html
