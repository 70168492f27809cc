// The strip of neighbors: one sample, its nearest neighbors at every layer, and what became of those of the layer above.
const data = JSON.parse(document.getElementById("data-strip").textContent);
const app = document.getElementById("strip-app");
const TIED = 1, COPY = 2;
const GALLERY = 16;

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== undefined)); // strings become text, never markup
  return node;
}

// A long name breaks where its parts meet.
const breakable = (name) => name.split(/(?<=[._/])/).flatMap((part, place) => (place ? [h("wbr"), part] : [part]));

function start() {
  const { k, n_queries: Q, layers, along, sites } = data;
  const L = layers.length;
  const S = Math.max(1, sites.length); // layers of a series, each with its steps in the place of layers
  const neighbors = new Uint32Array(bytes(data.neighbors).buffer);
  const flags = bytes(data.flags);
  const relative = bytes(data.relative);
  const farthest = new Float32Array(bytes(data.farthest).buffer);
  const columns = Object.fromEntries(Object.entries(data.labels).map(([name, { names, codes }]) =>
    [name, { names, codes: new Int32Array(bytes(codes).buffer) }]));
  const state = { sample: 0, order: "drawn", label: Object.keys(columns)[0], find: "", site: S - 1 };

  const place = (query, layer) => (query * S + state.site) * L + layer;
  const at = (query, layer) => place(query, layer) * k;
  const list = (query, layer) => neighbors.subarray(at(query, layer), at(query, layer) + k);
  const labelOf = (item, column = state.label) => {
    const { names, codes } = columns[column] ?? {};
    return codes && codes[item] >= 0 ? names[codes[item]] : undefined;
  };
  const same = (a, b) => labelOf(a) !== undefined && labelOf(a) === labelOf(b);

  const keptAt = (query, layer) => {
    const before = new Set(list(query, layer - 1));
    return list(query, layer).reduce((sum, item) => sum + before.has(item), 0);
  };
  const sameAt = (query, layer) => list(query, layer).reduce((sum, item) => sum + same(query, item), 0);
  const queries = Array.from({ length: Q }, (_, query) => query);
  const mean = (of) => queries.reduce((sum, query) => sum + of(query), 0) / Q;
  let [kept, keptMean, stability, sameMean, counted] = [[], [], [], [], -1];
  function count() {
    if (counted === state.site) return;
    counted = state.site;
    kept = queries.map((query) => layers.map((_, layer) => (layer ? keptAt(query, layer) : k)));
    keptMean = layers.map((_, layer) => mean((query) => kept[query][layer]));
    stability = kept.map((counts) => counts.reduce((sum, each) => sum + each, 0));
  }

  const by = (key) => () => queries.map((query) => [key(query), query]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).map((pair) => pair[1]);
  const rise = (query) => sameAt(query, L - 1) - sameAt(query, 0);
  const orders = {
    drawn: ["in the order drawn", () => queries],
    changed: ["most changed first", by((query) => -stability[query])],
    stable: ["most stable first", by((query) => stability[query])],
    ...(state.label === undefined ? {} : {
      gains: ["gains same-label neighbors", by(rise)],
      loses: ["loses same-label neighbors", by((query) => -rise(query))],
    }),
  };
  const isPicture = data.kind === "image";
  const isBare = !data.previews.some(Boolean); // arrays look like nothing: the id stands for the sample
  let shown = [];

  function choose() {
    count();
    const wanted = state.find.trim().toLowerCase();
    const text = (query) => [data.ids[query], ...Object.keys(columns).map((column) => labelOf(query, column) ?? ""),
      isPicture ? "" : data.previews[query]].join("\n").toLowerCase();
    shown = orders[state.order][1]().filter((query) => !wanted || text(query).includes(wanted));
    sameMean = layers.map((_, layer) => mean((query) => sameAt(query, layer)));
  }

  function preview(item) {
    const content = data.previews[item];
    if (!isPicture || !content) return h("span", { class: "text", dir: "auto" }, content || data.ids[item]);
    const type = { U: "webp", "/": "jpeg", i: "png" }[content[0]]; // the first byte of each, in base64
    const image = h("img", { src: `data:image/${type};base64,${content}`, alt: data.ids[item], loading: "lazy" });
    image.addEventListener("load", () => image.classList.toggle("pixels", image.naturalWidth < 48));
    return image;
  }

  const search = h("input", { type: "search", placeholder: "id or label", oninput: (event) => go({ find: event.target.value }, false) });
  const order = h("select", { onchange: (event) => { go({ order: event.target.value }); step(0, true); } },
    ...Object.entries(orders).map(([value, [name]]) => h("option", { value }, name)));
  const label = h("select", { onchange: (event) => go({ label: event.target.value }) },
    ...Object.keys(columns).map((name) => h("option", { value: name }, name)));
  const site = h("select", { onchange: (event) => go({ site: Number(event.target.value) }) },
    ...sites.map((name, value) => h("option", { value }, name)));
  const position = h("output", { class: "position", "aria-live": "polite" });
  const gallery = h("div", { class: "gallery", role: "group", "aria-label": "Samples to pick" });
  const picked = h("div", { class: "picked" });
  const grid = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Neighbors at every ${along}` });
  app.append(
    h("div", { class: "tools" },
      S > 1 ? h("label", {}, "Layer", site) : undefined,
      h("label", {}, "Find", search), h("label", {}, "List", order),
      Object.keys(columns).length > 1 ? h("label", {}, "Label", label) : undefined,
      h("span", { class: "steps" },
        h("button", { type: "button", "aria-label": "previous sample", onclick: () => step(-1) }, "←"), position,
        h("button", { type: "button", "aria-label": "next sample", onclick: () => step(1) }, "→"))),
    gallery, picked, legend(), grid);

  function legend() {
    const entry = (kind, sign, says) => h("li", {}, h("span", { class: `key ${kind}` }, sign), says);
    return h("ul", { class: "legend" },
      entry("kept", "kept", `same rank as in the ${along} above`), entry("moved", "5→3", "old → new rank"),
      entry("gained", "new", `not among the first ${k} above`), entry("lost", "lost", "no longer among them"),
      ...(state.label === undefined ? [] : [entry("", "●", "same label"), entry("", "○", "another label")]),
      entry("", "═", "distance ties with another: their order means nothing"), entry("", "≡", "copy, distance 0"));
  }

  function status(item, rank, above) {
    if (!above) return ["first", ""];
    const before = above.indexOf(item);
    if (before < 0) return ["gained", "new"];
    return before === rank ? ["kept", "kept"] : ["moved", `${before + 1}→${rank + 1}`];
  }

  function card(query, layer, rank, above) {
    const entry = at(query, layer) + rank;
    const item = neighbors[entry];
    const [kind, sign] = status(item, rank, above);
    const marks = (flags[entry] & COPY ? "≡" : "") + (flags[entry] & TIED ? "═" : "");
    const name = labelOf(item);
    const distance = (relative[entry] / 255) * farthest[place(query, layer)];
    const title = `${data.ids[item]} · rank ${rank + 1} at ${layers[layer]}`
      + (Number.isNaN(distance) ? "" : ` · distance ${distance.toPrecision(3)}`)
      + (flags[entry] & COPY ? " · a copy" : "") + (flags[entry] & TIED ? " · tied" : "");
    const bar = h("span", { class: "distance" }, h("i", { style: `width:${relative[entry] / 2.55}%` }));
    const node = h(item < Q ? "button" : "div", { class: `card ${kind}`, "data-item": item, title },
      preview(item), h("span", { class: "status" }, sign, marks && h("b", {}, marks)),
      state.label === undefined ? h("span", { class: "name" }, data.ids[item])
        : h("span", { class: same(query, item) ? "name agrees" : "name" }, `${same(query, item) ? "●" : "○"} ${name ?? "no label"}`),
      bar);
    if (item < Q) node.addEventListener("click", () => go({ sample: item }));
    return node;
  }

  function row(query, layer) {
    const here = list(query, layer);
    const above = layer ? list(query, layer - 1) : undefined;
    const lost = above ? [...above].filter((item) => !here.includes(item)) : [];
    const agree = sameAt(query, layer);
    return h("tr", {},
      h("th", { scope: "row" }, h("span", { class: "layer", title: layers[layer] }, ...breakable(layers[layer])),
        layer ? h("small", { title: "in brackets: the mean of the samples shown" }, `${kept[query][layer]} of ${k} kept (${keptMean[layer].toFixed(1)})`) : h("small", {}, `first ${along}`),
        state.label === undefined ? undefined : h("small", {}, `${agree} same label (${sameMean[layer].toFixed(1)})`)),
      ...Array.from(here, (_, rank) => h("td", {}, card(query, layer, rank, above))),
      h("td", { class: "lost" }, ...lost.map((item) => h("span", { class: "gone", "data-item": item, title: `lost: ${data.ids[item]}, was at rank ${above.indexOf(item) + 1}` },
        isPicture ? preview(item) : h("s", {}, data.ids[item]), h("small", {}, above.indexOf(item) + 1)))));
  }

  // What has the focus is made anew: its place is remembered, and has it again.
  function focused() {
    const own = document.activeElement;
    if (gallery.contains(own)) return () => gallery.querySelector("[aria-current]") ?? search;
    if (!grid.contains(own) || own === grid) return () => own;
    const [row, cell] = [own.closest("tr").rowIndex, own.closest("td").cellIndex];
    return () => grid.querySelector("table").rows[row].cells[cell].querySelector("button") ?? grid;
  }

  function render() {
    const query = state.sample;
    const again = focused();
    const number = shown.indexOf(query);
    position.textContent = shown.length ? `${number < 0 ? "–" : number + 1} of ${shown.length}` : "none found";
    const first = Math.max(0, Math.min(number - 4, shown.length - GALLERY));
    gallery.replaceChildren(...shown.slice(first, first + GALLERY).map((other) =>
      h("button", { type: "button", title: data.ids[other], "aria-current": other === query ? "true" : undefined,
        onclick: () => go({ sample: other }) }, preview(other))));
    const names = Object.keys(columns).map((column) => `${column}: ${labelOf(query, column) ?? "none"}`);
    picked.classList.toggle("as-text", !isPicture);
    picked.replaceChildren(isBare ? "" : preview(query), h("div", {}, h("h3", {}, data.ids[query]), ...names.map((name) => h("p", {}, name)),
      h("p", { class: "says" }, L > 1 ? `From ${along} to ${along} it keeps ${((stability[query] - k) / (L - 1)).toFixed(1)} of ${k} neighbors; `
        + `the mean of the samples shown is ${(mean((other) => stability[other] - k) / (L - 1)).toFixed(1)}.` : "")));
    const head = h("tr", {}, h("th", { scope: "col" }, along), ...Array.from({ length: k }, (_, rank) => h("th", { scope: "col" }, rank + 1)),
      h("th", { scope: "col", class: "lost" }, "lost, by old rank"));
    const caption = h("caption", {}, `The ${k} nearest neighbors of ${data.ids[query]} at every ${along}${S > 1 ? ` of ${sites[state.site]}` : ""}, nearest first`);
    grid.replaceChildren(h("table", { class: isPicture || isBare ? "strip" : "strip texts" }, caption, h("thead", {}, head),
      h("tbody", {}, ...layers.map((_, layer) => row(query, layer)))));
    [order.value, label.value, site.value] = [state.order, state.label, state.site];
    const now = again();
    if (now !== document.activeElement && now !== document.body) now.focus({ preventScroll: true });
  }

  function go(change, remember = true) {
    Object.assign(state, change);
    choose();
    render();
    if (!remember) return;
    const link = new URLSearchParams({ sample: data.ids[state.sample], order: state.order });
    if (state.label !== undefined) link.set("label", state.label);
    if (S > 1) link.set("layer", sites[state.site]);
    history.replaceState(null, "", `#${link}`);
  }

  function step(by, toFirst = false) {
    if (!shown.length) return;
    const number = toFirst ? -1 : shown.indexOf(state.sample);
    const next = number < 0 ? 0 : (number + by + shown.length) % shown.length;
    go({ sample: shown[next] });
  }

  function fromLink() {
    const link = new URLSearchParams(location.hash.slice(1));
    const sample = data.ids.indexOf(link.get("sample"));
    const isLink = sample >= 0 && sample < Q;
    go({
      sample: isLink ? sample : state.sample,
      order: Object.hasOwn(orders, link.get("order") ?? "") ? link.get("order") : state.order,
      label: Object.hasOwn(columns, link.get("label") ?? "") ? link.get("label") : state.label,
      site: sites.includes(link.get("layer")) ? sites.indexOf(link.get("layer")) : state.site,
    }, false);
    if (isLink) document.getElementById("strip").scrollIntoView();
  }

  // The same neighbor is marked in every layer while the pointer or the focus is on it.
  const trace = (event) => {
    const item = event.target.closest("[data-item]")?.dataset.item;
    for (const node of grid.querySelectorAll("[data-item]")) node.classList.toggle("traced", node.dataset.item === item);
  };
  for (const kind of ["mouseover", "focusin"]) grid.addEventListener(kind, trace);
  document.addEventListener("keydown", (event) => {
    // Arrows belong to what has the focus: fields and what scrolls have their own; where nothing has it, to what is seen.
    const { top, bottom } = app.getBoundingClientRect();
    const seen = event.target === document.body && top < innerHeight && bottom > 0;
    if (!seen && !app.contains(event.target)) return;
    if (event.target.matches("input, select, .scroll, .scroll *") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else return;
    event.preventDefault();
  });
  search.addEventListener("keydown", (event) => event.key === "Enter" && step(0, true));
  addEventListener("hashchange", fromLink);
  fromLink();
}

if (app) start();
