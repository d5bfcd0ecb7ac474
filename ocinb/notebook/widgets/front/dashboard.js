const SVG = "http://www.w3.org/2000/svg";

/** A little curve: values against the largest, newest at the right. */
function curve(values, most, name) {
  const width = 90, height = 22;
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name })) svg.setAttribute(key, value);
  const known = values.filter((value) => value !== null);
  if (known.length > 4) {  // fewer look like a speck of dust
    const top = Math.max(most, ...known) || 1;
    const points = values.map((value, at) => `${((at + 60 - values.length) / 59 * width).toFixed(1)},${(height - 2 - (value ?? 0) / top * (height - 4)).toFixed(1)}`);
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", points.join(" "));
    svg.append(line);
  }
  return svg;
}

function render({ model, el, signal }) {
  const parts = frame(el, signal, "dashboard", "Containers", "");
  trouble(model, signal, parts);
  const ask = asker(model, signal);
  const said = h("p", { class: "ocinb-problem", role: "alert", hidden: true });
  const say = (text) => { said.textContent = text; said.hidden = !text; };
  const act = (what, container) => (event) => {
    event.stopPropagation();
    say("");
    ask("do", { what, container }).catch((error) => say(error.message));
  };
  const body = h("tbody", {});
  const table = h("table", { "aria-label": "Containers" },
    h("thead", {}, h("tr", {}, ["name", "status", "image", "processor", "memory", ""].map((head) => h("th", { scope: "col", class: head === "memory" || head === "processor" ? "number" : null }, head)))), body);
  const empty = h("p", { class: "soft empty" }, "No containers. %oci run -d IMAGE starts one.");
  const lines = new Map();

  const button = (text, what, row) => h("button", { class: "needs-kernel", "aria-label": `${text} ${row.name}`, click: act(what, row.name) }, text);
  const buttons = (row) =>
    row.status === "running" ? [button("pause", "pause", row), button("kill", "kill", row)]
      : row.status === "paused" ? [button("unpause", "unpause", row), button("kill", "kill", row)]
        : row.status === "created" ? [button("start", "start", row), button("kill", "kill", row)]
          : row.status === "stopped" ? [button("remove", "remove", row)] : [];

  let past = {};
  watch(model, ["history"], signal, () => { past = structuredClone(model.get("history")); });
  const grow = () => {
    for (const row of model.get("containers")) {
      if (row.memory === null) continue;
      past[row.name] = [...(past[row.name] ?? []), [row.cpu, row.memory]].slice(-60);
    }
  };
  model.on("change:containers", grow);
  signal.addEventListener("abort", () => model.off("change:containers", grow));
  watch(model, ["containers", "history", "selected"], signal, () => {
    const rows = model.get("containers");
    const names = new Set(rows.map((row) => row.name));
    for (const [name, line] of lines) if (!names.has(name)) { line.node.remove(); lines.delete(name); }
    for (const row of rows) {
      let line = lines.get(row.name);
      if (!line) {
        const cells = Array.from({ length: 6 }, (_, at) => h("td", { class: at === 3 || at === 4 ? "number" : at === 5 ? "acts" : null }));
        const pick = h("button", { class: "link", click: () => tell(model, "selected", model.get("selected") === row.name ? "" : row.name) }, row.name);
        line = { node: h("tr", {}, cells), cells, pick, had: "" };
        cells[0].append(pick);
        lines.set(row.name, line);
      }
      const own = past[row.name] ?? [];
      line.node.className = model.get("selected") === row.name ? "chosen" : "";
      line.pick.setAttribute("aria-expanded", String(model.get("selected") === row.name));
      fill(line.cells[1], h("span", { class: `state ${row.status}` }, row.status), row.exit_status === null ? null : h("span", { class: row.exit_status ? "bad" : "soft" }, ` ${row.exit_status}`));
      fill(line.cells[2], h("span", { class: "cut image", title: row.image }, row.image.replace(/^docker\.io\/library\//, "")), h("span", { class: "soft mono cut image", title: row.command }, row.command));
      fill(line.cells[3], row.cpu === null ? h("span", { class: "soft" }, "–") : [curve(own.map((p) => p[0]), 1, "processor, the last minute"), ` ${(row.cpu * 100).toFixed(row.cpu < 0.0995 ? 1 : 0)} %`]);
      fill(line.cells[4], row.memory === null ? h("span", { class: "soft" }, "–") : [curve(own.map((p) => p[1]), 0, "memory, the last minute"), ` ${memory(row.memory)}`, row.limit ? h("span", { class: "soft" }, ` of ${memory(row.limit)}`) : null]);
      if (line.had !== row.status) { fill(line.cells[5], buttons(row)); line.had = row.status; }
    }
    rows.forEach((row, at) => { const node = lines.get(row.name).node; if (body.children[at] !== node) body.insertBefore(node, body.children[at] ?? null); });
    table.hidden = !rows.length;
    empty.hidden = rows.length > 0;
    const running = rows.filter((row) => row.status === "running").length;
    parts.told.textContent = `${running} running of ${rows.length}`;
  });

  const log = h("pre", { tabindex: 0, class: "log" });
  const head = h("h3", {});
  const input = h("input", { type: "text", class: "mono", "aria-label": "Command to run in the container", placeholder: "a command, as in: ps aux" });
  const answer = h("pre", { class: "answer", role: "status" });
  const form = h("form", { class: "needs-kernel", submit: (event) => {
    event.preventDefault();
    say("");
    ask("exec", { container: model.get("selected"), command: input.value }).catch((error) => say(error.message));
  } }, input, h("button", { type: "submit" }, "Run"));
  const detail = h("div", { class: "detail" }, head, log, form, answer);
  watch(model, ["selected", "log", "said", "containers"], signal, () => {
    const name = model.get("selected");
    detail.hidden = !name;
    head.textContent = `output of ${name}`;
    const stays = log.scrollHeight - log.scrollTop - log.clientHeight > 30 && log.textContent;
    if (log.textContent !== model.get("log")) log.textContent = model.get("log");
    if (!model.get("log")) log.textContent = "(nothing yet)";
    if (!stays) log.scrollTop = log.scrollHeight;
    log.setAttribute("aria-label", `Output of ${name}`);
    form.hidden = model.get("containers").find((row) => row.name === name)?.status !== "running";
    const last = model.get("said");
    const mine = last.container === name;
    answer.hidden = !mine;
    if (mine) fill(answer, h("span", { class: "soft" }, `$ ${last.command}\n`), last.output, last.status ? h("span", { class: "bad" }, `\nexit status ${last.status}`) : null,
      last.goes_on ? h("span", { class: "soft" }, "\n… it goes on") : null);
  });
  parts.root.append(said, h("div", { class: "scroll" }, table, empty), detail);
}

export default { render };
