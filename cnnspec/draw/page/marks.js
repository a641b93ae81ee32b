// What is chosen and what is pointed at, shown in every view at once.
// Views speak of layers, by number; an element's data-layers names those that it stands for.

const data = JSON.parse(document.getElementById("data").textContent);
const parts = new Map(); // layer -> the elements that stand for it
const watchers = []; // called with the layers that are shown, and how that came about
let chosen = [];
let pointed = null;
let marked = [];

function layersOf(element) {
  return element.dataset.layers.split(" ").map(Number);
}

function elementsOf(layers) {
  return [...new Set(layers.flatMap((layer) => parts.get(layer) ?? []))];
}

function registerParts() {
  for (const element of document.querySelectorAll("[data-layers]")) {
    for (const layer of layersOf(element)) {
      if (!parts.has(layer)) parts.set(layer, []);
      parts.get(layer).push(element);
    }
  }
}

// `cause` is {from, lasting}: the element or canvas that asked, and whether it is to stay.
function refresh(cause) {
  const layers = pointed ?? chosen;
  for (const element of marked) element.classList.remove("shown");
  marked = elementsOf(layers);
  for (const element of marked) element.classList.add("shown");
  for (const watch of watchers) watch(layers, cause);
}

function choose(layers, from) {
  chosen = layers;
  pointed = null;
  refresh({ from, lasting: true });
}

function point(layers, from) {
  if (layers === null && pointed === null) return;
  pointed = layers;
  refresh({ from, lasting: false });
}

function partAt(event) {
  return event.target instanceof Element ? event.target.closest("[data-layers]") : null;
}

function watchPointer() {
  document.addEventListener("pointerover", (event) => {
    const part = partAt(event);
    if (event.target.id !== "volumes") point(part && layersOf(part), part);
  });
  document.addEventListener("click", (event) => {
    const part = partAt(event);
    if (part) choose(layersOf(part), part);
  });
  // A press of the mouse focuses, too, but is no click yet.
  document.addEventListener("focusin", (event) => {
    const part = partAt(event);
    if (part?.matches(":focus-visible")) choose(layersOf(part), part);
  });
}
