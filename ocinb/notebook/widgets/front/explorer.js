const ROW = 24;
const PAGE = 500; // as browsing.py has it
const SIGNS = { "+": "add", "~": "change", "−": "delete", "×": "delete" };
const HINTS = { "+": "added", "~": "replaces a lower one", "−": "deletes a lower one", "×": "hidden by an upper layer" };
const MARKS = { directory: "/", symlink: " →", fifo: " |", char: " (char)", block: " (block)" };

function layerList(model, signal) {
  const list = h("div", { class: "layers", role: "radiogroup", "aria-label": "Layers" });
  rove(list, "button");
  const largest = Math.max(1, ...model.get("layers").map((layer) => layer.unpacked));
  const item = (number, ...children) =>
    h("button", { role: "radio", "data-layer": number, click: () => tell(model, "selected_layer", number) }, children);
  const count = (sign, kind, number, word) =>
    number ? h("span", { class: kind, title: `${number} ${word}` }, `${sign}${number.toLocaleString("en")}`) : null;
  list.append(item(0, h("span", { class: "made" }, "All layers"), h("span", { class: "soft" }, "as a container sees them")));
  for (const layer of [...model.get("layers")].reverse()) {
    list.append(
      item(
        layer.number,
        h("span", { class: "made", title: layer.made_by }, h("span", { class: "plate" }, layer.number), " ", layer.made_by),
        h(
          "span",
          { class: "facts" },
          count("+", "add", layer.added, "added"),
          count("~", "change", layer.changed, "changed"),
          count("−", "delete", layer.deleted, "deleted"),
          h("span", { class: "size soft" }, bytes(layer.unpacked)),
        ),
        h("span", { class: "bar", title: `${layer.digest}, ${bytes(layer.size)} to download` },
          h("div", { style: `width:${Math.max(2, (100 * layer.unpacked) / largest)}%` })),
      ),
    );
  }
  watch(model, ["selected_layer"], signal, () => {
    for (const button of list.querySelectorAll("button")) {
      const chosen = Number(button.dataset.layer) === model.get("selected_layer");
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  });
  return list;
}

/** The tree keeps the rows of open directories, and draws only those in sight. */
function fileTree(model, signal, ask) {
  const space = h("div", { class: "space" });
  const tree = h("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": "Files" }, space);
  let directories = new Map(); // path → {count, rows with gaps, asked offsets, problem}
  let flat = [];
  let current = 0;
  let wanted = false;

  const layer = () => model.get("selected_layer");
  const directory = (path) => {
    if (!directories.has(path)) directories.set(path, { count: null, rows: [], asked: new Set(), problem: "" });
    return directories.get(path);
  };
  /** Ask for the page of a directory in which a row lies. */
  const load = (path, at) => {
    const known = directory(path);
    const offset = Math.floor(at / PAGE) * PAGE;
    if (known.asked.has(offset)) return;
    known.asked.add(offset);
    const mine = directories;
    ask("entries", { path, layer: layer(), offset })
      .then((value) => {
        known.count = value.count;
        value.rows.forEach((row, n) => { known.rows[offset + n] = row; });
      })
      .catch((error) => { known.problem = error.message; known.count = 0; })
      .finally(() => { if (mine === directories) { flatten(); if (wanted) reveal(); } });
  };

  const flatten = () => {
    const open = new Set(model.get("expanded"));
    flat = [];
    const walk = (path, depth) => {
      const known = directory(path);
      if (known.count === null) {
        load(path, 0);
        flat.push({ path: null, depth, word: "…" });
        return;
      }
      if (known.problem) flat.push({ path: null, depth, word: known.problem });
      for (let at = 0; at < known.count; at += 1) {
        const row = known.rows[at];
        if (!row) {
          flat.push({ path: null, depth, word: "…", of: path, at });
          continue;
        }
        const [name, own, kind, size, from, sign, holds] = row;
        flat.push({ name, path: own, depth, kind, size, from, sign, holds, open: holds && open.has(own), at: at + 1, of: known.count });
        if (holds && open.has(own)) walk(own, depth + 1);
      }
    };
    walk("/", 0);
    space.style.height = `${flat.length * ROW}px`;
    const at = flat.findIndex((row) => row.path !== null && row.path === model.get("selected_path"));
    if (at >= 0) current = at;
    current = Math.max(0, Math.min(current, flat.length - 1));
    draw();
  };

  const draw = () => {
    const first = Math.max(0, Math.floor(tree.scrollTop / ROW) - 8);
    const last = Math.min(flat.length, first + Math.ceil((tree.clientHeight || 420) / ROW) + 16);
    const shown = [];
    for (let at = first; at < last; at += 1) {
      const row = flat[at];
      if (row.word && row.of) load(row.of, row.at);
      shown.push(line(row, at));
    }
    fill(space, shown);
    tree.setAttribute("aria-activedescendant", `${id}-${current}`);
  };
  const id = `ocinb-${Math.random().toString(36).slice(2)}`;
  const line = (row, at) => {
    const place = `top:${at * ROW}px;padding-left:${8 + row.depth * 16}px`;
    if (row.word) return h("div", { class: "row soft", style: place, id: `${id}-${at}` }, row.word);
    const chosen = row.path === model.get("selected_path");
    return h(
      "div",
      {
        class: `row ${at === current ? "current" : ""} ${SIGNS[row.sign] ?? ""} ${row.sign === "×" || row.sign === "−" ? "struck" : ""}`,
        style: place, id: `${id}-${at}`, role: "treeitem", "aria-level": row.depth + 1,
        "aria-expanded": row.holds ? String(row.open) : null, "aria-selected": String(chosen),
        "aria-posinset": row.at, "aria-setsize": row.of, title: row.path,
        click: () => { current = at; choose(row, true); tree.focus({ preventScroll: true }); },
      },
      h("span", { class: "twist", "aria-hidden": "true" }, row.holds ? (row.open ? "▾" : "▸") : ""),
      h("span", { class: "sign", title: HINTS[row.sign] ?? "" }, row.sign),
      h("span", { class: "name cut" }, row.name, h("span", { class: "soft" }, MARKS[row.kind] ?? "")),
      h("span", { class: "from soft" }, layer() ? "" : `layer ${row.from}`),
      h("span", { class: "number soft" }, row.kind === "file" || row.size ? bytes(row.size) : ""),
    );
  };

  const toggle = (row, open) => {
    const all = model.get("expanded");
    if (open && !all.includes(row.path)) tell(model, "expanded", [...all, row.path]);
    if (!open) tell(model, "expanded", all.filter((path) => path !== row.path));
  };
  const choose = (row, flip) => {
    if (!row || row.word) return;
    if (flip && row.holds) toggle(row, !row.open);
    tell(model, "selected_path", row.path);
  };
  /** Bring the current row into sight; what is chosen in Python may lie where nothing is loaded. */
  const reveal = () => {
    const { path, at } = model.get("content");
    wanted = Boolean(path) && path === model.get("selected_path") && flat[current]?.path !== path && at >= 0;
    if (wanted) {
      const above = path.slice(0, path.lastIndexOf("/")) || "/";
      if (directory(above).count !== null) load(above, at);
      return;
    }
    show();
  };
  const show = () => {
    const top = current * ROW;
    if (top < tree.scrollTop) tree.scrollTop = top;
    else if (top + ROW > tree.scrollTop + tree.clientHeight) tree.scrollTop = top + ROW - tree.clientHeight;
    draw();
  };
  tree.addEventListener("keydown", (event) => {
    const row = flat[current];
    const page = Math.floor(tree.clientHeight / ROW) - 1;
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: flat.length - 1, PageDown: current + page, PageUp: current - page }[event.key];
    if (to !== undefined) {
      current = Math.max(0, Math.min(flat.length - 1, to));
      choose(flat[current], false);
    } else if (event.key === "ArrowRight" && row?.holds && !row.open) toggle(row, true);
    else if (event.key === "ArrowLeft" && row?.open) toggle(row, false);
    else if (event.key === "ArrowLeft" && row) {
      const above = flat.findLastIndex((other, at) => at < current && other.depth < row.depth);
      if (above >= 0) { current = above; choose(flat[above], false); }
    } else if (event.key === "Enter" || event.key === " ") choose(row, true);
    else return;
    event.preventDefault();
    show();
  });
  tree.addEventListener("scroll", draw);
  const size = new ResizeObserver(draw);
  size.observe(tree);
  signal.addEventListener("abort", () => size.disconnect());

  if (!layer()) directories.set("/", { ...model.get("top"), rows: [...model.get("top").rows], asked: new Set([0]), problem: "" });
  watch(model, ["expanded"], signal, flatten);
  watch(model, ["selected_path", "content"], signal, () => { flatten(); reveal(); });
  const renew = () => { directories = new Map(); flatten(); };
  model.on("change:selected_layer", renew);
  signal.addEventListener("abort", () => model.off("change:selected_layer", renew));
  return tree;
}

function wasteList(model) {
  const waste = model.get("waste");
  if (!waste.count) return h("p", { class: "empty soft" }, "Nothing: no layer hides a file of another.");
  const go = (path, layer) => () => {
    model.set("selected_layer", layer);
    tell(model, "selected_path", path);
  };
  const list = h("div", { class: "waste", role: "list", "aria-label": "Wasted files" });
  rove(list, "button");
  waste.rows.forEach(([path, size, layer, by, how, secret], at) =>
    list.append(
      h("div", { role: "listitem" },
        h("button", { tabindex: at ? -1 : 0, click: go(path, layer) },
          h("span", { class: "name cut", title: path }, path),
          h("span", { class: "number" }, bytes(size)),
          h("span", { class: "soft cut" }, `of layer ${layer}, ${how} by layer ${by}`),
          secret ? h("strong", { class: "bad" }, secret) : null))));
  if (waste.count > waste.rows.length)
    list.append(h("p", { class: "empty soft" }, `the first ${waste.rows.length} of ${waste.count.toLocaleString("en")}`));
  return list;
}

function contentPane(model, signal) {
  const pane = h("div", { class: "content" });
  watch(model, ["content"], signal, () => {
    const said = model.get("content");
    if (!said.path) {
      fill(pane, h("p", { class: "empty soft" }, "Choose a file to see what is in it, and which layers have it."));
      return;
    }
    const hex = h("button", {
      "aria-pressed": String(model.get("as_hex")), class: "needs-kernel",
      click: () => tell(model, "as_hex", !model.get("as_hex")),
    }, "hex");
    fill(
      pane,
      h("div", { class: "path" }, h("span", { class: "mono cut", title: said.path }, said.path), said.form ? hex : null),
      said.problem ? h("p", { class: "bad" }, said.problem) : null,
      h("dl", {}, said.facts.map(([name, value]) => [h("dt", {}, name), h("dd", { class: name === "mode" || name === "target" ? "mono" : null }, value)])),
      said.layers.length ? h("ul", { class: "who", "aria-label": "Layers that have this path" },
        said.layers.map(([number, sign, word]) => h("li", {},
          h("button", { class: "link", click: () => tell(model, "selected_layer", number) }, `layer ${number}`),
          h("span", { class: SIGNS[sign] ?? "soft" }, ` ${sign} ${word}`)))) : null,
      said.form ? h("pre", { class: said.form, tabindex: 0, "aria-label": `Content as ${said.form}` }, said.text || "(empty)") : null,
      said.cut ? h("p", { class: "soft" }, `… ${said.cut.toLocaleString("en")} more bytes`) : null,
    );
  });
  return pane;
}

function render({ model, el, signal }) {
  const parts = frame(el, signal, "explorer", model.get("title"), model.get("note"));
  trouble(model, signal, parts);
  const ask = asker(model, signal);
  const waste = model.get("waste");
  const tab = (text, wanted) => h("button", {
    role: "tab", click: () => tell(model, "show_waste", wanted),
    keydown: (event) => { if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      tell(model, "show_waste", !wanted); tabs.querySelector('[aria-selected="true"]').focus(); } },
  }, text);
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Files or waste" },
    tab("Files", false), tab(`Waste: ${bytes(waste.size)}`, true));
  const middle = h("div", { class: "panel", role: "tabpanel" });
  const tree = fileTree(model, signal, ask);
  const wasted = wasteList(model);
  watch(model, ["show_waste"], signal, () => {
    const shown = model.get("show_waste");
    [...tabs.children].forEach((button, at) => {
      button.setAttribute("aria-selected", String(Boolean(at) === shown));
      button.tabIndex = Boolean(at) === shown ? 0 : -1;
    });
    middle.setAttribute("aria-label", shown ? "Waste" : "Files");
    fill(middle, shown ? wasted : tree);
  });
  parts.root.append(
    h("div", { class: "panes" },
      h("div", { class: "pane left" }, layerList(model, signal)),
      h("div", { class: "pane middle" }, tabs, middle),
      h("div", { class: "pane right" }, contentPane(model, signal))));
}

export default { render };
