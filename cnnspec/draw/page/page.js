// Views, themes, keys and printing; starts everything.

const tabs = [...document.querySelectorAll('[role="tab"]')];
const zoomButtons = document.getElementById("zoom");

function active() {
  return tabs.find((tab) => tab.getAttribute("aria-selected") === "true").getAttribute("aria-controls");
}

function open(tab) {
  for (const each of tabs) {
    const chosenOne = each === tab;
    each.setAttribute("aria-selected", String(chosenOne));
    each.tabIndex = chosenOne ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).hidden = !chosenOne;
  }
  zoomButtons.hidden = saveButtons.hidden = active() === "table";
  saveButtons.querySelector('[data-save="svg"]').hidden = active() !== "graph";
  if (active() === "graph") showLevel(document.body.dataset.detail);
  repaint();
}

function startTabs() {
  const list = document.getElementById("tabs");
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) open(tab);
  });
  list.addEventListener("keydown", (event) => {
    const next = destination(event.key, tabs.indexOf(event.target), tabs.length);
    if (next === undefined) return;
    event.preventDefault();
    open(tabs[next]);
    tabs[next].focus();
  });
}

// 0: everything in sight.
function zoom(factor) {
  if (active() === "graph") return factor ? camera().zoom(factor) : camera().all();
  if (active() === "space") return factor ? approach(factor) : goHome();
  return undefined;
}

const ZOOMS = { "+": 1.25, "=": 1.25, "-": 0.8, 0: 0 };

function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === query) return;
    if (event.key === "/") {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (event.key === "Escape") {
      choose([], null);
    } else if (event.key in ZOOMS) {
      zoom(ZOOMS[event.key]);
    }
  });
  zoomButtons.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) zoom(Number(button.dataset.zoom));
  });
}

function startThemes() {
  document.getElementById("theme").addEventListener("change", (event) => {
    document.documentElement.style.colorScheme = event.target.value;
    repaint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}

function startSource() {
  const pane = document.getElementById("source");
  for (const list of pane.querySelectorAll(".code")) rove(list, ".line", "button");
  watchers.push((layers, { from }) => {
    const line = pane.querySelector(".line.shown");
    const target = from && pane.contains(from) ? from : line;
    if (target && (layers.length || from)) scrollTo(pane, target);
  });
}

// On paper there is no panning: the picture is shown whole, in the light.
function startPrinting() {
  window.addEventListener("beforeprint", () => camera().showWhole());
  window.addEventListener("afterprint", () => camera().draw());
}

function start() {
  document.documentElement.classList.add("live");
  registerParts();
  watchPointer();
  watchers.push(tell, (layers, { lasting }) => lasting && say(layers));
  for (const begin of [startGraph, startSpace, startTable, startSource, startSearch, startTabs, startKeys, startSave, startBars]) begin();
  startThemes();
  startPrinting();
  document.getElementById("detail").addEventListener("change", (event) => showLevel(event.target.value));
  document.body.dataset.detail = document.querySelector('[name="detail"]:checked').value;
  open(tabs[0]);
  new ResizeObserver(() => {
    if (active() === "graph" && camera().scale) camera().draw();
    repaint();
  }).observe(document.getElementById("views"));
}

start();
