// Finding layers by their name, words, shape or kind.

const query = document.getElementById("query");
const found = document.getElementById("found");
const haystacks = data.layers.map((layer) =>
  [layer.path, layer.words, layer.leaving, layer.kind].join(" ").toLowerCase());
let current = -1;

function hits() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  return haystacks.flatMap((text, layer) => (words.every((word) => text.includes(word)) ? [layer] : []));
}

function search() {
  const layers = hits();
  current = -1;
  document.body.classList.toggle("searching", layers !== null);
  for (const element of document.querySelectorAll(".hit")) element.classList.remove("hit");
  for (const element of elementsOf(layers ?? [])) element.classList.add("hit");
  for (const row of document.querySelectorAll("tbody tr")) {
    row.hidden = layers !== null && !row.classList.contains("hit");
  }
  found.textContent = layers ? `${layers.length} of ${data.layers.length} layers` : "";
}

// What Enter leads through: boxes or rows, whichever are in sight; in space, layers.
function stations() {
  if (!document.getElementById("graph").hidden) return [...camera().level.querySelectorAll(".box.hit")];
  return [...document.querySelectorAll("tbody tr.hit")];
}

function goOn(step) {
  const places = stations();
  if (!places.length) return;
  current = current < 0 && step < 0 ? places.length - 1 : (current + step + places.length) % places.length;
  choose(layersOf(places[current]), places[current]);
  if (places[current].matches(".box")) camera().reach(places[current]);
  found.textContent = `${current + 1} of ${places.length}`;
}

function startSearch() {
  query.addEventListener("input", search);
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") goOn(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      query.value = "";
      search();
    }
  });
  if (query.value) search(); // browsers keep it when a page is loaded again
}
