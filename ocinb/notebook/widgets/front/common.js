// Shared by all widgets: put before each widget's own module when it is sent to the page.
// Text of images and containers becomes text nodes only; nothing here parses HTML.

/** An element; attributes that are functions are listeners, null and false are left out. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replace what an element holds. */
function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined));
  return element;
}

/** Bytes for people, in powers of 1000 as everywhere in ocinb but for memory. */
function bytes(number, step = 1000, units = ["B", "kB", "MB", "GB", "TB"]) {
  if (number === null || number === undefined) return "";
  let unit = 0;
  while (number >= step - 0.5 && unit < units.length - 1) {
    number /= step;
    unit += 1;
  }
  return `${unit && number < 99.95 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

/** Bytes of memory, in the powers of 1024 in which limits are given. */
function memory(number) {
  return bytes(number, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]).replace(".0 ", " ");
}

/** Seconds for people. */
function duration(seconds) {
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** While the view is there its picture, in the output before it, is not shown. */
function instead(el, signal, patience = 40) {
  if (signal.aborted) return;
  const own = el.isConnected ? el.closest(".jp-OutputArea-child") : null;
  if (!own) {
    if (patience) setTimeout(() => instead(el, signal, patience - 1), 50);
    return;
  }
  // A picture that is brought up to date comes as a new element.
  let hidden = null;
  const hide = () => {
    const still = own.previousElementSibling;
    if (still === hidden || !still?.querySelector(".ocinb-still")) return;
    still.style.display = "none";
    hidden = still;
  };
  hide();
  const changes = new MutationObserver(hide);
  changes.observe(own.parentElement, { childList: true, subtree: true });
  signal.addEventListener("abort", () => {
    changes.disconnect();
    if (hidden) hidden.style.display = "";
  });
}

/** The root of a view. JupyterLab keeps its keys to itself while the focus is in here. */
function frame(el, signal, kind, title, note) {
  instead(el, signal);
  el.classList.add("ocinb-host");
  const told = h("span", { class: "ocinb-note" }, note ?? "");
  const head = h("header", {}, h("span", { class: "ocinb-title" }, title), told);
  const problem = h("p", { class: "ocinb-problem", role: "alert", hidden: true });
  const root = h(
    "section",
    {
      class: `ocinb ocinb-${kind}`,
      "aria-label": title,
      "data-lm-suppress-shortcuts": "true",
      keydown: (event) => event.stopPropagation(),
    },
    head,
    problem,
  );
  el.append(root);
  return { root, head, told, problem };
}

/** Call now and at each change of one of the names, until the view goes. */
function watch(model, names, signal, call) {
  for (const name of names) {
    model.on(`change:${name}`, call);
    signal.addEventListener("abort", () => model.off(`change:${name}`, call));
  }
  call();
}

/** Set a value that Python sees. */
function tell(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

/** Ask Python and wait: an answer is {re, value} or {re, error}. */
function asker(model, signal, seconds = 30) {
  const waiting = new Map();
  let last = 0;
  const prefix = Math.random().toString(36).slice(2);
  const hear = (message) => {
    const found = waiting.get(message?.re);
    if (!found) return;
    waiting.delete(message.re);
    if (message.error !== undefined) found.reject(new Error(message.error));
    else found.resolve(message.value);
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => model.off("msg:custom", hear));
  return (ask, values = {}) =>
    new Promise((resolve, reject) => {
      const id = `${prefix}-${(last += 1)}`;
      waiting.set(id, { resolve, reject });
      setTimeout(() => {
        if (waiting.delete(id)) reject(new Error("the kernel does not answer: it is busy, or has ended"));
      }, seconds * 1000);
      model.send({ ...values, ask, id });
    });
}

/** Show the model's own trouble, or that nobody listens any more. */
function trouble(model, signal, parts) {
  watch(model, ["problem", "closed"], signal, () => {
    const text = model.get("problem") || (model.get("closed") ? "closed: this is how it was" : "");
    parts.problem.textContent = text;
    parts.problem.hidden = !text;
    parts.problem.classList.toggle("ocinb-quiet", !model.get("problem"));
    parts.root.classList.toggle("ocinb-closed", model.get("closed"));
  });
}

/** Arrow keys among the elements of a list that has one stop for Tab. */
function rove(list, selector) {
  list.addEventListener("keydown", (event) => {
    const all = [...list.querySelectorAll(selector)];
    const at = all.indexOf(event.target.closest(selector));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || !all[to]) return;
    event.preventDefault();
    all[to].focus();
    all[to].click();
  });
}
