/** Where a field lies in the text: its names one after another, as far as they are found. */
function find(text, field) {
  let at = 0;
  let length = 0;
  for (const part of field.match(/[^.[\]]+/g) ?? []) {
    const found = text.indexOf(/^\d+$/.test(part) ? "\0" : JSON.stringify(part), at);
    if (found < 0) continue;
    at = found;
    length = part.length + 2;
  }
  return [at, at + length];
}

function render({ model, el, signal }) {
  const parts = frame(el, signal, "editor", model.get("title"), "");
  trouble(model, signal, parts);
  const ask = asker(model, signal);
  const id = `ocinb-${Math.random().toString(36).slice(2)}`;
  const numbers = h("pre", { class: "numbers", "aria-hidden": "true" });
  const area = h("textarea", {
    class: "mono", spellcheck: "false", autocomplete: "off", wrap: "off", "aria-label": "config.json", "aria-describedby": id,
  });
  const count = () => {
    const lines = area.value.split("\n").length;
    const bad = model.get("place").line;
    if (numbers.dataset.lines === `${lines}/${bad}`) return;
    numbers.dataset.lines = `${lines}/${bad}`;
    fill(numbers, Array.from({ length: lines }, (_, at) =>
      at + 1 === bad ? h("strong", { class: "bad" }, `${at + 1}\n`) : `${at + 1}\n`));
  };
  area.addEventListener("scroll", () => { numbers.scrollTop = area.scrollTop; });
  let later = 0;
  const send = () => { clearTimeout(later); later = 0; tell(model, "text", area.value); };
  area.addEventListener("input", () => { count(); clearTimeout(later); later = setTimeout(send, 150); });
  area.addEventListener("blur", () => { if (later) send(); });
  area.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); act("save")(); }
  });
  signal.addEventListener("abort", () => clearTimeout(later));
  const act = (what) => () => ask(what).then(() => say("")).catch((error) => say(error.message));
  const said = h("p", { class: "ocinb-problem", role: "alert", hidden: true });
  const say = (text) => { said.textContent = text; said.hidden = !text; };
  const save = h("button", { class: "main needs-kernel", click: act("save") }, "Save");
  const format = h("button", { class: "needs-kernel", click: act("format") }, "Format");
  const verdict = h("span", { role: "status", id });
  const go = (field) => () => {
    const [from, to] = find(area.value, field);
    area.focus();
    area.setSelectionRange(from, to);
    const line = area.value.slice(0, from).split("\n").length;
    area.scrollTop = Math.max(0, (line - 6) * 18);
  };
  const why = h("div", { class: "why", role: "note" });
  const told = (field) => () => {
    go(field)();
    ask("explain", { field: field.replace(/\[[^\]]*\].*$/, "").replace(/ \(.*$/, "") })
      .then((rows) => fill(why, rows.map(([name, what, by, section]) =>
        h("p", {}, h("strong", { class: "mono" }, name), ` ${what} `, h("span", { class: "soft" }, `${by} · ${section}`)))))
      .catch(() => fill(why));
  };
  const wrong = h("ul", { class: "wrong", "aria-label": "What is wrong" });
  const other = h("div", { class: "other" });

  watch(model, ["text"], signal, () => {
    if (later || model.get("text") === area.value) return;
    const at = area.selectionStart;
    area.value = model.get("text");
    area.setSelectionRange(at, at);
    count();
  });
  watch(model, ["findings", "saved", "place", "valid"], signal, () => {
    const found = model.get("findings");
    const json = !model.get("place").line && !(found[0] && !found[0][0]);
    verdict.className = found.length ? "bad" : "good";
    verdict.textContent = found.length ? `✗ ${found.length} ${found.length === 1 ? "finding" : "findings"}` : "✓ valid";
    parts.told.textContent = model.get("saved") ? "saved" : "not saved";
    save.disabled = !model.get("valid") || model.get("saved");
    format.disabled = !json;
    area.setAttribute("aria-invalid", String(found.length > 0));
    fill(wrong, found.map(([field, message, section]) => h("li", {},
      h("button", { class: "link", click: field ? told(field) : () => {
        const at = model.get("place").position ?? 0;
        area.focus(); area.setSelectionRange(at, at + 1);
        area.scrollTop = Math.max(0, ((model.get("place").line ?? 1) - 6) * 18);
      } }, field || "text"), ` ${message}`, section ? h("span", { class: "soft" }, ` ${section}`) : null)));
    count();
  });
  watch(model, ["differences"], signal, () => {
    const rows = model.get("differences");
    fill(other, h("h3", {}, `otherwise than the default: ${rows.length}`),
      h("table", { "aria-label": "Differences from the default" },
        h("thead", {}, h("tr", {}, ["field", "default", "here"].map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", {}, rows.map(([field, before, after]) => h("tr", {},
          h("td", {}, h("button", { class: "link mono", click: told(field) }, field)),
          h("td", { class: "mono delete" }, before), h("td", { class: "mono add" }, after))))));
  });
  parts.root.append(said,
    h("div", { class: "tools" }, verdict, h("span", { class: "gap" }), format, save),
    h("div", { class: "panes" }, h("div", { class: "code" }, numbers, area), h("div", { class: "right" }, wrong, why, other)));
}

export default { render };
