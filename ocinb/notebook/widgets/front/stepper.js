const STATUSES = ["creating", "created", "running", "stopped"];
const KINDS = { "+": "add", "~": "change", "−": "delete" };

function table(name, heads, rows, empty) {
  if (!rows.length) return h("p", { class: "soft empty" }, empty);
  return h("table", { "aria-label": name },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell))))));
}

function render({ model, el, signal }) {
  const parts = frame(el, signal, "stepper", model.get("title"), "");
  trouble(model, signal, parts);
  const ask = asker(model, signal, 10);
  const press = (what) => ask(what).catch((error) => {
    parts.problem.textContent = error.message;
    parts.problem.hidden = false;
  });

  const rail = h("ol", { class: "rail", "aria-label": "The thirteen steps" });
  const states = h("div", { class: "states", role: "list", "aria-label": "Status" });
  const go = h("button", { class: "main needs-kernel", click: () => press("advance") });
  const again = h("button", { class: "needs-kernel", click: () => press("restart") }, "Begin again");
  const told = h("span", { class: "soft", role: "status" });

  watch(model, ["steps", "position", "busy", "next", "status"], signal, () => {
    const position = model.get("position");
    const busy = model.get("busy");
    fill(rail, model.get("steps").map((step) => {
      const here = step.number === position;
      const kind = step.error ? "failed" : step.done && !here ? "done" : here ? "here" : "ahead";
      return h("li", { class: `${kind} ${step.hook ? "hook" : ""} op-${step.operation || "none"}`, "aria-current": here ? "step" : null },
        h("span", { class: "dot", "aria-hidden": "true" }, step.error ? "!" : step.done && !here ? "✓" : step.number),
        h("span", { class: "what" }, step.title,
          step.error ? h("span", { class: "bad" }, ` ${step.error}`) : null,
          h("span", { class: "soft detail", title: step.detail }, here ? (step.hook ? "waiting here" : "next") : step.detail)),
        h("span", { class: "number soft" }, kind === "done" && step.seconds ? duration(step.seconds) : ""));
    }));
    const at = rail.querySelector(".here");
    if (at) rail.scrollTop = Math.max(0, at.offsetTop - rail.offsetTop - rail.clientHeight / 2);
    fill(states, STATUSES.map((status) =>
      h("span", { role: "listitem", class: `state ${status}`, "aria-current": status === model.get("status") ? "true" : null }, status)));
    const next = model.get("next");
    const isHook = model.get("steps")[position - 1]?.hook;
    go.textContent = busy ? "…" : next ? (isHook ? `Let the ${next} pass` : `${next[0].toUpperCase()}${next.slice(1)}`) : "Done";
    go.disabled = busy || !next;
    again.disabled = busy || position === 1;
    parts.told.textContent = position > 13 ? "all steps taken" : `at step ${position} of 13`;
    told.textContent = model.get("status") ? `status: ${model.get("status")}` : position > 1 ? "no container any more" : "no container yet";
  });

  const tabs = ["What changed", "state.json", "Processes", "Namespaces", "Mounts", "System calls", "Output"];
  let shown = 0;
  const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "What to look at" });
  const panel = h("div", { class: "panel", role: "tabpanel", tabindex: 0 });
  const counts = () => [model.get("changes").length, null, model.get("processes").length,
    model.get("namespaces").filter((row) => row[1] === "own").length, model.get("mounts").length, model.get("calls").length, null];
  const hidden = () => model.get("processes").some((row) => row[2] === "init")
    ? "This user may not look into the process before it is the container's program." : "None.";
  const body = () => [
    () => model.get("changes").length
      ? h("ul", { class: "changes", "aria-label": "What the step changed" }, model.get("changes").map(([sign, subject, words]) =>
          h("li", {}, h("strong", { class: KINDS[sign] }, sign), h("span", { class: "soft subject" }, subject), h("span", { class: "mono words" }, words))))
      : h("p", { class: "soft empty" }, model.get("position") > 1 ? "Nothing that is seen from outside." : "Press the button: the container is created, and stands still at each step."),
    () => Object.keys(model.get("state")).length
      ? h("pre", {}, JSON.stringify(model.get("state"), null, 2))
      : h("p", { class: "soft empty" }, "The runtime knows of no such container."),
    () => table("Processes", ["role", "pid", "inside", "command"],
      model.get("processes").map(([pid, inside, role, command]) => [role, pid, inside || "–", h("span", { class: "mono" }, command)]), "None."),
    () => table("Namespaces", ["kind", "", "number"],
      model.get("namespaces").map(([kind, whose, number]) => [kind,
        h("span", { class: whose === "own" ? "add" : "soft" }, whose === "own" ? "its own" : "shared with this machine"), h("span", { class: "mono soft" }, number)]), hidden()),
    () => table("Mounts", ["target", "type", "source"],
      model.get("mounts").map((row) => row.map((cell) => h("span", { class: "mono" }, cell))), hidden()),
    () => table("System calls", ["call", "arguments", "for", ""],
      model.get("calls").map(([call, args, error, field]) => [h("strong", { class: "mono" }, call), h("span", { class: "mono args" }, args), h("span", { class: "mono soft" }, field), error ? h("span", { class: "bad" }, error) : ""]),
      "None that the runtime tells of."),
    () => h("pre", {}, model.get("output") || "(the program wrote nothing)"),
  ][shown]();
  const draw = () => {
    const numbers = counts();
    fill(bar, tabs.map((name, at) => h("button", {
      role: "tab", "aria-selected": String(at === shown), tabindex: at === shown ? 0 : -1,
      click: () => { shown = at; draw(); },
      keydown: (event) => {
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
        if (tabs[to] === undefined) return;
        event.preventDefault();
        shown = to; draw(); bar.children[to].focus();
      },
    }, name, numbers[at] ? h("span", { class: "count" }, numbers[at]) : null)));
    panel.setAttribute("aria-label", tabs[shown]);
    fill(panel, body());
    panel.scrollTop = 0;
  };
  watch(model, ["changes", "state", "processes", "namespaces", "mounts", "calls", "output", "position"], signal, draw);

  const remark = h("p", { class: "remark", role: "note" });
  watch(model, ["remark"], signal, () => {
    remark.textContent = model.get("remark");
    remark.hidden = !model.get("remark");
  });

  parts.root.append(
    remark,
    h("div", { class: "bar-of-states" }, states, h("div", { class: "buttons" }, told, again, go)),
    h("div", { class: "panes" }, rail, h("div", { class: "right" }, bar, panel)));
}

export default { render };
