// Bars between panes, moved by the mouse or by arrow keys; a double click puts them back.

const SMALLEST = 120; // pixels of a pane

// `axis`: "x" or "y". The pane before the bar is as large as `property` of the page's main part says.
function startBar(bar, pane, property, axis) {
  const frame = document.querySelector("main");
  const side = axis === "x" ? "width" : "height";
  const resize = (size) => {
    const most = frame.getBoundingClientRect()[side] - SMALLEST;
    frame.style.setProperty(property, `${Math.max(SMALLEST, Math.min(most, size))}px`);
  };
  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    resize(event[axis] - pane.getBoundingClientRect()[axis]);
  });
  bar.addEventListener("keydown", (event) => {
    const step = (axis === "x" ? { ArrowLeft: -20, ArrowRight: 20 } : { ArrowUp: -20, ArrowDown: 20 })[event.key];
    if (!step) return;
    event.preventDefault();
    resize(pane.getBoundingClientRect()[side] + step);
  });
  bar.addEventListener("dblclick", () => frame.style.removeProperty(property));
}

function startBars() {
  const source = document.getElementById("source");
  startBar(document.getElementById("side-bar"), source, "--side", "x");
  startBar(document.getElementById("top-bar"), source, "--top", "y");
}
