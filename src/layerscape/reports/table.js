// The table: a file to download, and rows that are built when they are unfolded.
const SHOWN = 2000; // more would make the browser slow
const text = JSON.parse(document.getElementById("data-table").textContent);
document.getElementById("csv").href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));

// Quoted fields may hold commas, line breaks and doubled quotes. A backslash stands before what a spreadsheet would take
// for a formula, and before a backslash.
function parse(csv) {
  const rows = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    const cell = quoted === undefined ? plain : quoted.replaceAll('""', '"');
    rows.at(-1).push(cell.replace(/\\([^])/g, "$1"));
    if (end === "\n") rows.push([]);
    if (end === "") break;
  }
  return rows.filter((row) => row.length > 1);
}

const shorter = (cell) => (/^-?\d+\.\d{5,}(e[-+]\d+)?$/.test(cell) ? Number(cell).toPrecision(5) : cell);

function build() {
  const [head, ...rows] = parse(text);
  const table = document.createElement("table");
  const headRow = table.createTHead().insertRow();
  for (const name of head) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    headRow.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows.slice(0, SHOWN)) {
    const line = body.insertRow();
    for (const cell of row) line.insertCell().textContent = shorter(cell);
  }
  if (rows.length > SHOWN) table.createCaption().textContent = `the first ${SHOWN} rows; the file has all ${rows.length}`;
  document.querySelector("#rows .scroll").append(table);
}

document.getElementById("rows").addEventListener("toggle", build, { once: true });
