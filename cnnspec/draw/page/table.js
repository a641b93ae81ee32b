// Sorting the table by a column: up, then down.

function keyOf(row, column) {
  return row.cells[column].dataset.key;
}

function compare(one, other) {
  return one - other || one.localeCompare(other, "en", { numeric: true });
}

function sortBy(head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const each of head.parentElement.cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = head.closest("table").tBodies[0];
  const column = head.cellIndex;
  const rows = [...body.rows].sort((a, b) => compare(keyOf(a, column), keyOf(b, column)) * (up ? 1 : -1));
  body.append(...rows);
}

// A shadow at the side on which there is more than the panel shows.
function hintAtMore(panel) {
  panel.classList.toggle("more", panel.scrollLeft + panel.clientWidth < panel.scrollWidth - 1);
}

function startTable() {
  const panel = document.getElementById("table");
  panel.addEventListener("scroll", () => hintAtMore(panel));
  new ResizeObserver(() => hintAtMore(panel)).observe(panel);
  rove(panel.querySelector("tbody"), "tr");
  panel.querySelector("thead").addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (head) sortBy(head);
  });
  watchers.push((layers, { from, lasting }) => {
    const row = panel.querySelector("tr.shown");
    if (lasting && row && (!from || from === row || !panel.contains(from))) scrollTo(panel, row);
  });
}
