// The 3-D view drawn on its canvas: from the far to the near, as painters do.

const canvas = document.getElementById("volumes");
const radius = radiusOf(data.slabs);
let view = { ...HOME };
let painted = []; // what was drawn, the nearest last: {path, layers}
let waiting = false;

// The colour of a variable of the style, in the theme of the moment.
function colour(name) {
  canvas.style.color = `var(--${name}, var(--paper))`;
  return getComputedStyle(canvas).color;
}

function palette() {
  const found = {};
  for (const name of ["ink", "paper", "skip", "accent", "fault"]) found[name] = colour(name);
  for (const { kind } of data.slabs) found[kind] ??= colour(`${kind}-fill`);
  return found;
}

// Where the net has to stand to fill the canvas when it is seen from home.
function fitting(width, height) {
  const project = lens(HOME, { middle: { x: 0, y: 0 }, scale: 1 }, radius);
  const points = data.slabs.flatMap(cornersOf).map(project);
  const [left, right] = bounds(points.map((point) => point.x));
  const [top, bottom] = bounds(points.map((point) => point.y));
  const scale = Math.min(width / (right - left + 1), height / (bottom - top + 1)) * 0.88;
  return { scale, middle: { x: (width - (left + right) * scale) / 2, y: (height - (top + bottom) * scale) / 2 } };
}

function bounds(numbers) {
  return [Math.min(...numbers), Math.max(...numbers)];
}

function outline(points, closed) {
  const path = new Path2D();
  points.forEach(({ x, y }, i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (closed) path.closePath();
  return path;
}

function paintSlab(pen, slab, corners, colours, shown) {
  const whole = new Path2D();
  for (const { corners: numbers, light } of SIDES) {
    const points = numbers.map((number) => corners[number]);
    if (!facesEye(points)) continue;
    const path = outline(points, true);
    whole.addPath(path);
    pen.fillStyle = colours[slab.kind];
    pen.fill(path);
    pen.fillStyle = light > 0 ? `rgb(255 255 255 / ${light})` : `rgb(0 0 0 / ${-light})`;
    pen.fill(path);
    pen.strokeStyle = shown ? colours.accent : colours.ink;
    pen.lineWidth = shown ? 2.5 : 0.6;
    pen.stroke(path);
  }
  painted.push({ path: whole, layers: slab.layers, frame: frameOf(corners) });
}

function paintLink(pen, link, points, colours) {
  pen.strokeStyle = link.fault ? colours.fault : link.skip ? colours.skip : colours.ink;
  pen.lineWidth = link.fault ? 2.4 : link.skip ? 1.6 : 0.8;
  pen.stroke(outline(points, false));
}

// Boxes are [left, top, right, bottom].
function overlap(one, other) {
  return one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
}

function frameOf(points) {
  const [left, right] = bounds(points.map((point) => point.x));
  const [top, bottom] = bounds(points.map((point) => point.y));
  return [left, top, right, bottom];
}

// Whether a path, whose points are of the canvas, meets a box: at its corners or between them.
function touches(pen, path, [left, top, right, bottom]) {
  const dense = window.devicePixelRatio || 1;
  const xs = [0, 0.25, 0.5, 0.75, 1].map((share) => (left + share * (right - left)) * dense);
  return xs.some((x) => [top, bottom].some((y) => pen.isPointInPath(path, x, y * dense)));
}

// Labels below their volumes or else above, the chosen first; what would cover another label or a volume is
// left out, and nothing leaves the canvas to the side.
function paintLabels(pen, labels, colours, width) {
  const taken = [];
  pen.font = "11px 'DejaVu Sans', Verdana, sans-serif";
  pen.textAlign = "center";
  pen.lineJoin = "round";
  for (const { text, x: middle, below, above, shown } of labels.sort((a, b) => b.shown - a.shown)) {
    const wide = pen.measureText(text).width / 2 + 3;
    const x = middle > 0 && middle < width ? Math.max(wide, Math.min(width - wide, middle)) : middle;
    const boxAt = (y) => [x - wide, y - 11, x + wide, y + 3];
    const covers = (box) => painted.some((slab) => overlap(box, slab.frame) && touches(pen, slab.path, box));
    const isFree = (y) => !taken.some((other) => overlap(boxAt(y), other)) && !covers(boxAt(y));
    const y = [below, above].find(isFree) ?? (shown ? below : null);
    if (y === null) continue;
    taken.push(boxAt(y));
    pen.lineWidth = 3;
    pen.strokeStyle = colours.paper;
    pen.strokeText(text, x, y);
    pen.fillStyle = shown ? colours.accent : colours.ink;
    pen.fillText(text, x, y);
  }
}

function paint() {
  waiting = false;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return;
  const pen = prepared(width, height);
  const project = lens(view, fitting(width, height), radius);
  const shown = new Set(pointed ?? chosen);
  const colours = palette();
  const things = [];
  const labels = [];
  for (const link of data.links) {
    const points = pathOf(link, data.slabs).map(project);
    const away = Math.max(...points.map((point) => point.away));
    things.push({ away, draw: () => paintLink(pen, link, points, colours) });
  }
  for (const slab of data.slabs) {
    const corners = cornersOf(slab).map(project);
    const lit = slab.layers.some((layer) => shown.has(layer));
    things.push({ away: project(slab.middle).away, draw: () => paintSlab(pen, slab, corners, colours, lit) });
    const { x } = project(slab.middle);
    const [top, bottom] = bounds(corners.map((corner) => corner.y));
    labels.push({ text: slab.label, x, below: bottom + 14, above: top - 6, shown: lit });
  }
  painted = [];
  for (const thing of things.sort((a, b) => b.away - a.away)) thing.draw();
  paintLabels(pen, labels, colours, width);
}

// A pen on an empty canvas with as many pixels as the screen has.
function prepared(width, height) {
  const dense = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  return pen;
}

function repaint() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(paint);
}

function slabAt(event) {
  const box = canvas.getBoundingClientRect();
  const dense = window.devicePixelRatio || 1;
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const found = painted.findLast(({ path }) => pen.isPointInPath(path, x, y));
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  return found ? found.layers : null;
}

function turn(yaw, pitch) {
  view.yaw += yaw;
  view.pitch = Math.min(1.5, Math.max(-1.5, view.pitch + pitch));
  repaint();
}

function shift(right, down) {
  view.right += right;
  view.down += down;
  repaint();
}

// `at`: the point of the screen that stays where it is.
function approach(factor, at) {
  const box = canvas.getBoundingClientRect();
  const zoom = Math.min(20, Math.max(0.3, view.zoom * factor));
  const grown = zoom / view.zoom;
  const [x, y] = at ? [at.x - box.left - box.width / 2, at.y - box.top - box.height / 2] : [0, 0];
  view = { ...view, zoom, right: x + (view.right - x) * grown, down: y + (view.down - y) * grown };
  repaint();
}

function goHome() {
  const from = { ...view };
  glide(calm(), (share) => {
    for (const name of Object.keys(HOME)) view[name] = from[name] + (HOME[name] - from[name]) * share;
    repaint();
  });
}

const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function startSpace() {
  handle(canvas, {
    moved: (right, down, event) => (event.shiftKey ? shift(right, down) : turn(right * 0.008, down * 0.008)),
    pinched: approach,
    clicked: (event) => choose(slabAt(event) ?? [], canvas),
  });
  canvas.addEventListener("pointermove", (event) => event.buttons || point(slabAt(event), canvas));
  canvas.addEventListener("pointerleave", () => point(null, canvas));
  canvas.addEventListener("keydown", (event) => {
    const step = TURNS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) shift(step[0] * -30, step[1] * -30);
    else turn(step[0] * 0.12, step[1] * 0.12);
  });
  watchers.push(repaint);
}
