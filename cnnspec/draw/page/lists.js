// Lists in which the Tab key stops once, and arrow keys lead from item to item.

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

// Where a key leads from item `now` of `count`; undefined if it is no key of lists.
function destination(key, now, count) {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key in STEPS) return Math.min(count - 1, Math.max(0, now + STEPS[key]));
  return undefined;
}

function stopAt(container, item) {
  container.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
  item.setAttribute("tabindex", "0");
}

function rove(container, selector, role) {
  for (const item of container.querySelectorAll(selector)) {
    item.setAttribute("tabindex", "-1");
    if (role) item.setAttribute("role", role);
  }
  container.querySelector(selector)?.setAttribute("tabindex", "0");
  container.addEventListener("focusin", (event) => {
    const item = event.target.closest(selector);
    if (item) stopAt(container, item);
  });
  container.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = [...container.querySelectorAll(`${selector}:not([hidden])`)];
    const next = destination(event.key, items.indexOf(event.target.closest(selector)), items.length);
    if (next === undefined || !items[next]) return;
    event.preventDefault();
    items[next].focus({ preventScroll: true });
  });
}

// Bring an element into sight within its own pane; the page itself stays where it is.
function scrollTo(pane, element) {
  const [outer, inner] = [pane.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top >= outer.top + 40 && inner.bottom <= outer.bottom) return;
  const top = pane.scrollTop + inner.top - outer.top - outer.height / 3;
  pane.scrollTo({ top, behavior: calm() ? "auto" : "smooth" });
}

function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
