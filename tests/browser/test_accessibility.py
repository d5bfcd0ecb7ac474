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


CONTROLS = frozenset(
    {"button", "checkbox", "combobox", "link", "menuitem", "option", "radio", "searchbox"}
    | {"slider", "spinbutton", "switch", "tab", "textbox", "treeitem"}
)
"""Roles of what can be worked with."""
AREAS = frozenset(
    {"grid", "list", "progressbar", "radiogroup", "region", "table", "tablist", "tabpanel", "tree"}
)
"""Roles of what a person goes to by name."""

NAMED = """
const named = (one) => `${one.role || one.localName} ` + (one.ariaLabel
    || one.labels?.[0]?.textContent || one.title || one.textContent).trim().slice(0, 60);
"""
ALL = f"""
(root) => {{
    {NAMED}
    const focused = "button, input, textarea, select, a[href], [tabindex]";
    return [...root.querySelectorAll(focused)]
        .filter((one) => one.checkVisibility() && !one.disabled && one.role !== "tabpanel")
        .map(named);
}}
"""
WHERE = f"""
(root) => {{
    {NAMED}
    const at = document.activeElement;
    if (!root.contains(at)) return null;
    const chosen = document.getElementById(at.getAttribute("aria-activedescendant"));
    return [at.role ?? "", ...[at, chosen].filter(Boolean).map(named)];
}}
"""
ENTER = """
(root) => {
    const before = Object.assign(document.createElement("button"), { textContent: "before" });
    root.before(before);
    before.focus();
}
"""
ARROWS = ["ArrowDown", "ArrowRight"] * 7
MOVED = frozenset({"tab", "radio", "option", "row", "listitem"})
"""Roles of what is reached by the arrow keys."""


def accessibility_tree(page, widget):
    """The role and name of each node of the browser's own tree, beneath a widget."""
    client = page.context.new_cdp_session(page)
    document = client.send("DOM.getDocument")["root"]["nodeId"]
    found = client.send("DOM.querySelector", {"nodeId": document, "selector": widget})
    nodes = client.send("Accessibility.queryAXTree", {"nodeId": found["nodeId"]})["nodes"]
    client.detach()
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    ]


def reached_by_keys(page, widget, arrows=()):
    """What Tab goes to in a widget, and these keys from there."""
    reached = set()
    widget.evaluate(ENTER)
    inside = False
    for _ in range(200):
        page.keyboard.press("Tab")
        at = widget.evaluate(WHERE)
        if at is None:
            if inside:
                return reached
            continue
        inside = True
        role, *names = at
        reached.update(names)
        if role in MOVED:
            for key in arrows:
                page.keyboard.press(key)
                reached.update((widget.evaluate(WHERE) or [""])[1:])
    raise AssertionError("Tab does not leave the widget")


HEAD = """%load_ext ocinb
from ocinb.events import BlobProgress
from ocinb.notebook.widgets import PullProgress
from ocinb.progress import Transfers
moving = Transfers()
moving(BlobProgress(digest="sha256:" + "a" * 64, done=5, total=10, action="downloading"))
%oci run -d --name here demo sleep 600;
"""


@pytest.mark.parametrize("name", ["explorer", "stepper", "dashboard", "editor", "pull"])
def test_every_control_has_a_name_and_is_reached_by_keys(
    notebook_page, jupyter_lab, demo_image, tmp_path, name
):
    made = {
        "explorer": "%oci explore demo\nexplorer.selected_path = '/etc/passwd'",
        "stepper": "%oci step demo sleep 600\nstepper.advance(); stepper.advance()",
        "dashboard": "%oci dashboard\ndashboard.selected = 'here'",
        "editor": f"%oci edit {tmp_path}",
        "pull": "PullProgress(moving)\npull.draw(at_once=True)",
    }
    cells = [
        f"{HEAD}%oci bundle spec {tmp_path};",
        f"{name} = {made[name]}\n{name}",
        f"{name}.close()\n%oci rm --force here;",
    ]
    notebook_page.open(jupyter_lab.write(f"keys-{name}", cells))
    notebook_page.run(0)
    widget = notebook_page.run(1).locator(f".ocinb-{name}")
    widget.wait_for()
    tree = accessibility_tree(notebook_page.page, f".ocinb-{name}")
    assert [node for node in tree if node[0] in CONTROLS and not node[1].strip()] == []
    assert [node for node in tree if node[0] in AREAS and not node[1].strip()] == []
    assert {role for role, _ in tree} & (CONTROLS | AREAS)
    if name == "explorer":  # in a tree the focus stays, and the arrow keys choose
        widget.get_by_role("tree").focus()
        chosen = []
        for _ in range(3):
            notebook_page.page.keyboard.press("ArrowDown")
            chosen.append(widget.evaluate(WHERE)[-1])
        assert len(set(chosen)) == 3
        assert all(one.startswith("treeitem /") for one in chosen)
    controls = widget.evaluate(ALL)
    assert bool(controls) == (name != "pull")
    if controls:
        reached = reached_by_keys(notebook_page.page, widget)
        reached |= reached_by_keys(notebook_page.page, widget, ARROWS)
        assert sorted(set(controls) - reached) == []
    notebook_page.run(2)
