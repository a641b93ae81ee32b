// Geometry of the 3-D view: volumes turned about the middle of the net and seen from some way off.

const HOME = { yaw: -0.4, pitch: 0.66, zoom: 1, right: 0, down: 0 };
const CORNERS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i & 1 ? 1 : -1, i & 2 ? 1 : -1, i & 4 ? 1 : -1]);
// Corners of each side, counted so that they run clockwise on the screen where the side faces the eye;
// and how bright it is.
const SIDES = [
  { corners: [1, 5, 7, 3], light: -0.1 }, // +x
  { corners: [4, 0, 2, 6], light: -0.1 }, // -x
  { corners: [2, 3, 7, 6], light: 0.3 }, // +y
  { corners: [4, 5, 1, 0], light: -0.3 }, // -y
  { corners: [5, 4, 6, 7], light: 0.05 }, // +z
  { corners: [0, 1, 3, 2], light: 0.05 }, // -z
];

// The place of a point for an eye that looks along +z, x to the right and y upwards.
function turned([x, y, z], { yaw, pitch }) {
  const [across, away] = [x * Math.cos(yaw) - z * Math.sin(yaw), x * Math.sin(yaw) + z * Math.cos(yaw)];
  return [across, y * Math.cos(pitch) + away * Math.sin(pitch), away * Math.cos(pitch) - y * Math.sin(pitch)];
}

// A lens: a function from points in space to points on a screen, with their distance.
// `middle` is where the middle of the net falls at home, `scale` pixels a point.
function lens(view, { middle, scale }, radius) {
  const eye = radius * 4;
  const factor = view.zoom * scale;
  return (place) => {
    const [x, y, away] = turned(place, view);
    const shrink = (factor * eye) / Math.max(radius * 0.2, eye + away);
    return { x: middle.x + view.right + x * shrink, y: middle.y + view.down - y * shrink, away };
  };
}

function cornersOf({ middle, sides }) {
  return CORNERS.map((corner) => corner.map((sign, axis) => middle[axis] + (sign * sides[axis]) / 2));
}

function facesEye(points) {
  const [a, b, c] = points;
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) < 0;
}

// The way of a value: straight on, along the aisle to where the next row goes on, or over the volumes that
// it skips.
function pathOf({ tail, head, skip, around }, slabs) {
  const [from, to] = [slabs[tail], slabs[head]];
  const start = [from.middle[0] + from.sides[0] / 2, 0, from.middle[2]];
  const end = [to.middle[0] - to.sides[0] / 2, 0, to.middle[2]];
  if (around) {
    const [right, left, aisle] = [start[0] + 14, end[0] - 14, (start[2] + end[2]) / 2];
    return [start, [right, 0, start[2]], [right, 0, aisle], [left, 0, aisle], [left, 0, end[2]], end];
  }
  if (!skip) return [start, end];
  const between = slabs.slice(tail, head + 1).map((slab) => slab.sides[1] / 2);
  const top = Math.max(...between) + 24;
  return [start, [start[0] + 9, top, start[2]], [end[0] - 9, top, end[2]], end];
}

function radiusOf(slabs) {
  return Math.max(1, ...slabs.flatMap(cornersOf).map((corner) => Math.hypot(...corner)));
}
