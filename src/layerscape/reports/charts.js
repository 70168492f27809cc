// Draws every chart of the page in the colors of its theme, and again when the theme changes.
const specs = JSON.parse(document.getElementById("data-charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  const css = getComputedStyle(document.documentElement);
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
      "pair-name": { color: color("muted"), fontSize: 10 },
      trail: { strokeWidth: 1.5 },
      "trail-point": { filled: true, size: 26, opacity: 1 },
      "trail-interval": { fillOpacity: 0.12 },
      unclear: { color: color("mark"), filled: false, size: 26, strokeWidth: 1.2, opacity: 0.9 },
    },
  };
}

async function draw(place) {
  const name = place.dataset.chart;
  try {
    const { view } = await window.vegaEmbed(place, specs[name], {
      mode: "vega-lite", renderer: "svg", config: theme(), ast: true,
      actions: { export: true, source: false, compiled: false, editor: false },
      downloadFileName: name, tooltip: { theme: dark.matches ? "dark" : "light" },
    });
    view.description(document.getElementById(`${name}-title`).textContent);
    place.dataset.drawn = "yes";
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    throw error;
  }
}

const places = [...document.querySelectorAll("[data-chart]")];
const drawAll = () => places.reduce((before, place) => before.then(() => draw(place)), Promise.resolve());
dark.addEventListener("change", drawAll);
drawAll();
