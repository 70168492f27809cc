// Draws every chart of the page in the colors of its theme, again when the theme changes, and dark on white for paper.
const specs = JSON.parse(document.getElementById("data-charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const views = {};
const PADDING = 10; // of Vega, to both sides

function theme(element) {
  const css = getComputedStyle(element);
  const color = (name) => css.getPropertyValue(`--${name}`).trim();
  const ramp = [0, 1, 2, 3, 4].map((step) => color(`ramp-${step}`));
  const font = css.getPropertyValue("--sans").trim();
  return {
    background: null,
    font,
    view: { stroke: null },
    axis: {
      domainColor: color("rule"), tickColor: color("rule"), gridColor: color("grid"),
      labelColor: color("muted"), titleColor: color("muted"), labelFontSize: 11, titleFontSize: 11,
      titleFontWeight: 500, titlePadding: 10, labelPadding: 5,
    },
    axisX: { grid: false },
    legend: {
      labelColor: color("muted"), titleColor: color("muted"), titleFontWeight: 500,
      orient: "top", direction: "horizontal", gradientThickness: 8, gradientLength: 160,
    },
    range: { ramp, heatmap: ramp, ordinal: { scheme: ramp.slice(1) } },
    style: {
      value: { color: color("accent"), strokeWidth: 2 },
      "value-point": { color: color("accent"), filled: true, size: 46, opacity: 1 },
      interval: { color: color("accent"), fillOpacity: 0.16 },
      "interval-bar": { color: color("accent"), strokeWidth: 1.5, strokeOpacity: 0.55 },
      "second-value": { color: color("gained"), strokeWidth: 2 },
      "second-value-point": { color: color("gained"), filled: true, shape: "square", size: 42, opacity: 1 },
      "second-interval": { color: color("gained"), fillOpacity: 0.16 },
      "second-interval-bar": { color: color("gained"), strokeWidth: 1.5, strokeOpacity: 0.55 },
      others: { color: color("faint"), strokeWidth: 1 },
      baseline: { color: color("baseline"), strokeWidth: 1.5, strokeDash: [4, 3] },
      control: { color: color("baseline"), strokeWidth: 1 },
      "control-point": { color: color("baseline"), filled: true, size: 14, opacity: 1 },
      "baseline-point": { color: color("baseline"), filled: true, size: 24, opacity: 1 },
      chance: { color: color("chance"), strokeWidth: 2, strokeDash: [1, 4], strokeCap: "round" },
      "chance-band": { color: color("chance"), fillOpacity: 0.2 },
      raw: { color: color("raw"), strokeWidth: 1.5, strokeDash: [10, 5] },
      "raw-text": { color: color("raw"), fontSize: 11, fontWeight: 500 },
      diagonal: { color: color("baseline"), strokeWidth: 1 },
      pair: { color: color("accent"), filled: true, size: 46, opacity: 0.8 },
      fit: { color: color("accent"), strokeWidth: 2 },
      "fit-point": { color: color("baseline"), filled: true, size: 16, opacity: 0.9 },
      "pair-name": { color: color("muted"), fontSize: 10 },
      "ghost-name": { color: color("muted"), fontSize: 10 },
      trail: { strokeWidth: 1.5 },
      "trail-point": { filled: true, size: 26, opacity: 1 },
      "trail-interval": { fillOpacity: 0.12 },
      "at-step": { fillOpacity: 0, stroke: color("ink"), strokeWidth: 1.5 },
      unclear: { color: color("mark"), filled: false, size: 26, strokeWidth: 1.2, opacity: 0.9 },
    },
  };
}

// Vega names the marks of a chart, but not the groups that they stand in.
function named(compiled, title) {
  for (const mark of compiled.marks ?? []) {
    mark.description ??= title;
    named(mark, title);
  }
  return compiled;
}

function embedded(place, name, colors, more = {}) {
  const title = document.getElementById(`${name}-title`).textContent;
  return window.vegaEmbed(place, { ...specs[name], description: title, ...more }, {
    mode: "vega-lite", renderer: "svg", config: { ...theme(colors), ...more.config }, ast: true, actions: false,
    patch: (compiled) => named(compiled, title), tooltip: { theme: dark.matches ? "dark" : "light" },
  });
}

// What the menu of a chart has chosen, which a new drawing keeps.
const kept = (name) => (views[name]
  ? { params: specs[name].params.map((each) => ({ ...each, value: views[name].signal(each.name) })) } : {});

async function draw(place, colors = document.documentElement) {
  const name = place.dataset.chart;
  const focused = place.contains(document.activeElement);
  try {
    const { view } = await embedded(place, name, colors, kept(name));
    views[name] = view;
    place.dataset.drawn = "yes";
    if (focused) place.querySelector("select")?.focus();
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    throw error;
  }
}

// A file is dark on white, whatever the colors of the page.
async function save(name, format) {
  const paper = document.createElement("div");
  paper.className = "on-white";
  document.body.append(paper);
  const width = places.find((place) => place.dataset.chart === name).querySelector("svg").clientWidth - PADDING;
  const { view } = await embedded(paper, name, paper, { ...kept(name), width, background: "white" });
  const address = format === "svg"
    ? URL.createObjectURL(new Blob([await view.toSVG()], { type: "image/svg+xml" }))
    : await view.toImageURL("png", 2);
  paper.remove();
  Object.assign(document.createElement("a"), { href: address, download: `${name}.${format}` }).click();
}

const places = [...document.querySelectorAll("[data-chart]")];
const drawAll = (colors) => places.reduce((before, place) => before.then(() => draw(place, colors)), Promise.resolve());
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () => save(button.dataset.of, button.dataset.save));
}
// The slider of a series: every chart shows the step, and keeps what else its menu has chosen.
const slider = document.getElementById("step");

function show(name, when) {
  const view = views[name];
  const rows = specs[name].data.values;
  const now = view.signal("pick");
  const shown = rows.find((row) => row.choice === now)?.when ?? "";
  const next = now.startsWith(shown) ? when + now.slice(shown.length) : now; // of a map no choice names a step
  if (rows.some((row) => row.choice === next && row.when === when)) view.signal("pick", next);
  view.signal("when", when).runAsync();
}

function slide() {
  const times = Object.values(specs).map((spec) => spec.usermeta.times ?? []).reduce((a, b) => (b.length > a.length ? b : a));
  const when = times[slider.value];
  slider.setAttribute("aria-valuetext", when);
  slider.form.querySelector("output").value = when;
  for (const name of Object.keys(views)) if (specs[name].usermeta.times) show(name, when);
}

slider?.addEventListener("input", slide);
slider?.form.addEventListener("submit", (event) => event.preventDefault());
for (const media of [dark, matchMedia("print")]) media.addEventListener("change", () => drawAll());
drawAll();
