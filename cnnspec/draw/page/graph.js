// The graph: its levels of detail, and a camera for each that pans and zooms.

const READABLE = 0.75; // pixels a point, below which a picture is not shown as a whole at first
const NEAREST = 8;
const CLICK = 4; // pixels that a hand may shake in a click

class Camera {
  constructor(level) {
    this.level = level;
    this.svg = level.querySelector("svg");
    const { x, y, width, height } = this.svg.viewBox.baseVal;
    this.whole = { x, y, width, height };
    this.scale = 0; // pixels a point; 0: not shown yet
    this.x = x;
    this.y = y;
  }

  get size() {
    return { width: this.level.clientWidth || 1, height: this.level.clientHeight || 1 };
  }

  get fitting() {
    return Math.min(this.size.width / this.whole.width, this.size.height / this.whole.height);
  }

  // The whole picture, or as much of its beginning as can be read.
  start() {
    this.look(Math.max(READABLE, Math.min(this.fitting, 1.5)));
  }

  all() {
    this.look(Math.min(this.fitting, 2));
  }

  look(scale) {
    const { width, height } = this.size;
    const [wide, high] = [width / scale, height / scale];
    this.glide({
      scale,
      x: this.whole.x + Math.min(0, (this.whole.width - wide) / 2),
      y: this.whole.y + Math.min(0, (this.whole.height - high) / 2),
    });
  }

  // `at`: the point of the screen that stays where it is; the middle if not given.
  zoom(factor, at) {
    const box = this.level.getBoundingClientRect();
    const [left, top] = at ? [at.x - box.left, at.y - box.top] : [box.width / 2, box.height / 2];
    const scale = Math.min(NEAREST, Math.max(Math.min(this.fitting, READABLE) / 2, this.scale * factor));
    this.x += left / this.scale - left / scale;
    this.y += top / this.scale - top / scale;
    this.scale = scale;
    this.draw();
  }

  move(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.draw();
  }

  // Some of the picture stays in sight, wherever it is dragged.
  draw() {
    const [wide, high] = [this.size.width / this.scale, this.size.height / this.scale];
    const { x, y, width, height } = this.whole;
    this.x = Math.min(x + width - wide * 0.2, Math.max(x - wide * 0.8, this.x));
    this.y = Math.min(y + height - high * 0.2, Math.max(y - high * 0.8, this.y));
    this.svg.setAttribute("viewBox", `${this.x} ${this.y} ${wide} ${high}`);
  }

  glide(to) {
    const from = { scale: this.scale, x: this.x, y: this.y };
    const instant = calm() || !this.scale;
    glide(instant, (share) => {
      for (const name of ["scale", "x", "y"]) this[name] = from[name] + (to[name] - from[name]) * share;
      this.draw();
    });
  }

  // Pan until a box is in sight.
  reach(box) {
    const [outer, inner] = [this.level.getBoundingClientRect(), box.getBoundingClientRect()];
    const margin = 24;
    const seen =
      inner.left >= outer.left + margin && inner.right <= outer.right - margin &&
      inner.top >= outer.top + margin && inner.bottom <= outer.bottom - margin;
    if (seen) return;
    const right = (inner.left + inner.right - outer.left - outer.right) / 2;
    const down = (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
    this.glide({ scale: this.scale, x: this.x + right / this.scale, y: this.y + down / this.scale });
  }

  showWhole() {
    const { x, y, width, height } = this.whole;
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  }
}

let gliding = 0;

// Call `step` with shares that grow from 0 to 1, as fast as the eye can follow.
function glide(instant, step) {
  cancelAnimationFrame(gliding);
  if (instant) return step(1);
  let begin = null;
  const frame = (now) => {
    begin ??= now;
    const share = Math.min(1, (now - begin) / 220);
    step(share * (2 - share));
    if (share < 1) gliding = requestAnimationFrame(frame);
  };
  gliding = requestAnimationFrame(frame);
  return undefined;
}

const cameras = new Map();
for (const level of document.querySelectorAll(".level")) cameras.set(level.dataset.detail, new Camera(level));

function camera() {
  return cameras.get(document.body.dataset.detail);
}

function showLevel(detail) {
  document.body.dataset.detail = detail;
  for (const each of cameras.values()) each.level.hidden = each !== camera();
  if (!camera().scale) camera().start();
  const box = camera().level.querySelector(".box.shown");
  if (box) camera().reach(box);
}

// Drags, pinches and clicks of a surface: `moved(right, down)`, `pinched(factor, at)`, `clicked(event)`.
function handle(surface, { moved, pinched, clicked }) {
  const fingers = new Map();
  let travelled = 0;
  const middle = () => {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  };
  surface.addEventListener("pointerdown", (event) => {
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  surface.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const before = fingers.size === 2 ? middle() : null;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [right, down] = [event.clientX - last.x, event.clientY - last.y];
    travelled += Math.abs(right) + Math.abs(down);
    if (travelled <= CLICK) return;
    surface.setPointerCapture(event.pointerId);
    if (before) pinched(middle().apart / before.apart, middle());
    moved(right / fingers.size, down / fingers.size, event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    surface.addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  // The end of a drag is no click, for nobody.
  surface.addEventListener("click", (event) => {
    if (travelled > CLICK) event.stopPropagation();
    else clicked(event);
  }, true);
  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    pinched(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), { x: event.clientX, y: event.clientY });
  }, { passive: false });
}

function startGraph() {
  for (const each of cameras.values()) {
    rove(each.level, ".box", "button");
    handle(each.level, {
      moved: (right, down) => each.move(right, down),
      pinched: (factor, at) => each.zoom(factor, at),
      clicked: (event) => partAt(event) || choose([], each.level),
    });
    each.level.addEventListener("focusin", (event) => {
      if (event.target.matches(".box:focus-visible")) each.reach(event.target);
    });
  }
  watchers.push((layers, { from, lasting }) => {
    const box = camera().level.querySelector(".box.shown");
    if (lasting && box && !from?.closest(".level")) camera().reach(box); // who clicks on a box sees it
  });
}
