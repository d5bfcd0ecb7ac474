const FINAL = new Set(["done", "already here", "already there", "mounted there", "unpacked"]);

function render({ model, el, signal }) {
  const parts = frame(el, signal, "pull", "Transfers", "");
  trouble(model, signal, parts);
  const list = h("div", { class: "rows", role: "list", "aria-label": "Blobs" });
  const whole = h("div", { role: "progressbar", "aria-label": "All blobs", "aria-valuemin": 0, "aria-valuemax": 100 });
  let lines = [];
  let rows = [];
  const summarize = (text) => {
    parts.told.textContent = text;
    const total = rows.reduce((sum, row) => sum + row[3], 0);
    const done = rows.reduce((sum, row) => sum + (FINAL.has(row[1]) ? row[3] : row[2]), 0);
    const share = total ? Math.round((100 * done) / total) : 100;
    whole.setAttribute("aria-valuenow", share);
    fill(whole, h("div", { style: `width:${share}%` }));
  };
  const line = () => {
    const bar = h("div", {});
    const cells = [h("span", { class: "mono" }), h("span", { class: "bar" }, bar), h("span", { class: "state" }), h("span", { class: "number soft" })];
    return { node: h("div", { class: "line", role: "listitem" }, cells), bar, cells };
  };
  const show = (at) => {
    const [digest, state, done, total] = rows[at];
    const over = FINAL.has(state);
    const { node, bar, cells } = lines[at];
    node.className = `line ${over ? "over" : state}`;
    cells[0].textContent = digest;
    bar.style.width = `${over || !total ? 100 : (100 * done) / total}%`;
    cells[2].textContent = `${over ? "✓ " : ""}${state}`;
    cells[3].textContent = over || state === "waiting" ? bytes(total) : `${bytes(done)} / ${bytes(total)}`;
  };
  watch(model, ["rows", "summary"], signal, () => {
    rows = model.get("rows").map((row) => [...row]);
    while (lines.length < rows.length) { const made = line(); lines.push(made); list.append(made.node); }
    rows.forEach((_, at) => show(at));
    summarize(model.get("summary"));
  });
  const hear = (message) => {
    if (!message?.moved) return;
    for (const [at, done] of message.moved) if (rows[at]) { rows[at][2] = done; show(at); }
    summarize(message.summary);
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => model.off("msg:custom", hear));
  whole.className = "bar whole";
  parts.root.append(whole, list);
}

export default { render };
