"""Every control of a widget has a name, is reached by keys, and every text can be read."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]

WITHOUT_NAME = """
(root) => [...root.querySelectorAll("button, input, textarea, [role]")]
    .filter((one) => !["presentation", "note", "status", "alert", "listitem"].includes(one.role))
    .filter((one) => one.checkVisibility())
    .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
    .map((one) => one.outerHTML.slice(0, 120))
"""

NOT_REACHED = """
(root) => [...root.querySelectorAll("button, input, textarea")]
    .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex < 0)
    .filter((one) => !one.closest("[role=radiogroup], [role=tablist], [role=list]")
        ?.querySelector("[tabindex='0']"))
    .map((one) => one.outerHTML.slice(0, 120))
"""

HARD_TO_READ = """
(root) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const paper = canvas.getContext("2d", { willReadFrequently: true });
    const paint = (colours) => {
        paper.clearRect(0, 0, 1, 1);
        for (const colour of colours) { paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1); }
        return [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const one of root.querySelectorAll("*")) {
        const text = [...one.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
        if (!text.length || !one.checkVisibility() || one.closest(":disabled")) continue;
        const grounds = [];
        for (let at = one; at; at = at.parentElement) {
            grounds.unshift(getComputedStyle(at).backgroundColor);
        }
        const [back, ink] = [paint(grounds), paint([...grounds, getComputedStyle(one).color])];
        const [low, high] = [luminance(back), luminance(ink)].sort((a, b) => a - b);
        const ratio = (high + 0.05) / (low + 0.05);
        if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${one.className} ${text[0].data.trim()}`);
    }
    return [...new Set(found)];
}
"""


def test_widgets_are_for_everybody(notebook_page, jupyter_lab, demo_image, tmp_path, pictures):
    cells = [
        "%load_ext ocinb\nfrom IPython.display import display\n"
        "%oci run -d --name here demo sleep 600;\n%oci run --name gone demo false;\n"
        f"%oci bundle spec {tmp_path};\nexplorer = %oci explore demo\n"
        "stepper = %oci step demo sleep 600\nstepper.advance(); stepper.advance()\n"
        f"dashboard = %oci dashboard\neditor = %oci edit {tmp_path}\n"
        "explorer.selected_path = '/etc/passwd'; explorer.selected_layer = 3\n"
        "dashboard.selected = 'here'\n"
        'editor.text = editor.text.replace(\'"cwd": "/"\', \'"cwd": "x"\')',
        "display(explorer, stepper, dashboard, editor)",
        "for one in (explorer, stepper, dashboard, editor): one.close()\n"
        "%oci rm --force here gone;",
    ]
    notebook_page.open(jupyter_lab.write("accessible", cells))
    notebook_page.run(0)
    view = notebook_page.run(1)
    widgets = [view.locator(f".ocinb-{name}") for name in
               ("explorer", "stepper", "dashboard", "editor")]  # fmt: skip
    hard_to_read = {}
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook_page.set_theme(theme)
        for widget in widgets:
            widget.wait_for()
            assert widget.evaluate(WITHOUT_NAME) == []
            assert widget.evaluate(NOT_REACHED) == []
            name = f"{widget.get_attribute('class').split('-')[-1]}-{theme[11:].lower()}"
            hard_to_read[name] = widget.evaluate(HARD_TO_READ)
            widget.screenshot(path=pictures / f"{name}.png")
    assert {name: texts for name, texts in hard_to_read.items() if texts} == {}
    notebook_page.run(2)
