// The figure in sight as a file: the graph as SVG or PNG, the volumes as PNG.

const DENSE = 3; // pixels a point of a graph's PNG
const LARGEST = 16000; // pixels a side of what browsers paint

const saveButtons = document.getElementById("save");

// Colours that the page's style names, as they are now: a file of its own knows no names.
function withColours(markup) {
  const probe = document.body.appendChild(document.createElement("i"));
  const made = markup.replace(/var\(--[\w-]+\)/g, (name) => {
    probe.style.color = name;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return made;
}

function graphFile() {
  const [x, y, width, height] = Object.values(camera().whole).map((side) => side.toFixed(2));
  const figure = camera().svg.cloneNode(true);
  for (const shown of figure.querySelectorAll(".box")) shown.removeAttribute("class");
  for (const each of figure.querySelectorAll("[tabindex]")) each.removeAttribute("tabindex");
  const sizes = { viewBox: `${x} ${y} ${width} ${height}`, width: `${width}pt`, height: `${height}pt` };
  for (const [name, value] of Object.entries(sizes)) figure.setAttribute(name, value);
  const paper = document.createElementNS(figure.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, fill: "var(--paper)" })) {
    paper.setAttribute(name, value);
  }
  figure.prepend(paper);
  return withColours(new XMLSerializer().serializeToString(figure));
}

async function graphImage() {
  const { width, height } = camera().whole;
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(graphFile())}`;
  await image.decode();
  const scale = Math.min(DENSE, LARGEST / width, LARGEST / height);
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.round(width * scale),
    height: Math.round(height * scale),
  });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

async function figureAddress(format) {
  if (active() === "space") return document.getElementById("volumes").toDataURL("image/png");
  return format === "png" ? graphImage() : `data:image/svg+xml,${encodeURIComponent(graphFile())}`;
}

async function save(format) {
  const name = document.querySelector("h1").textContent;
  const href = await figureAddress(format);
  Object.assign(document.createElement("a"), { href, download: `${name}.${format}` }).click();
}

function startSave() {
  saveButtons.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) save(button.dataset.save);
  });
}
