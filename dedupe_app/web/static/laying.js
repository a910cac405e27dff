// @ts-check
/** How one picture lies on another, as matrices of three rows over unit squares: (0, 0) is a picture's upper left
 *  corner and (1, 1) its lower right one, whatever its size. */

/** @typedef {readonly number[]} Matrix nine numbers, row by row */

/** Where each symmetry of the server puts the places of a picture. @type {readonly Matrix[]} */
const TURNED = [
  [1, 0, 0, 0, 1, 0, 0, 0, 1],
  [0, 1, 0, -1, 0, 1, 0, 0, 1],
  [-1, 0, 1, 0, -1, 1, 0, 0, 1],
  [0, -1, 1, 1, 0, 0, 0, 0, 1],
  [-1, 0, 1, 0, 1, 0, 0, 0, 1],
  [1, 0, 0, 0, -1, 1, 0, 0, 1],
  [0, 1, 0, 1, 0, 0, 0, 0, 1],
  [0, -1, 1, -1, 0, 1, 0, 0, 1],
];

/** @param {number} symmetry */
export function sideways(symmetry) {
  return symmetry === 1 || symmetry === 3 || symmetry >= 6;
}

/** From a picture as it is to where it lies on the other. @param {number} symmetry @param {Matrix | null} matrix */
export function onto(symmetry, matrix) {
  const turn = /** @type {Matrix} */ (TURNED[symmetry] ?? TURNED[0]);
  return matrix ? times(matrix, turn) : turn;
}

/** @param {Matrix} a @param {Matrix} b @returns {Matrix} */
export function times(a, b) {
  return Array.from({ length: 9 }, (_, at) => {
    const row = 3 * Math.floor(at / 3);
    return [0, 1, 2].reduce((sum, step) => sum + num(a, row + step) * num(b, 3 * step + (at % 3)), 0);
  });
}

/** @param {Matrix} m @returns {Matrix} */
export function inverse(m) {
  const minor = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ c, /** @type {number} */ d) => num(m, a) * num(m, d) - num(m, b) * num(m, c);
  const turned = [minor(4, 5, 7, 8), -minor(1, 2, 7, 8), minor(1, 2, 4, 5), -minor(3, 5, 6, 8), minor(0, 2, 6, 8), -minor(0, 2, 3, 5), minor(3, 4, 6, 7), -minor(0, 1, 6, 7), minor(0, 1, 3, 4)];
  const size = num(m, 0) * num(turned, 0) + num(m, 1) * num(turned, 3) + num(m, 2) * num(turned, 6);
  return turned.map((one) => one / size);
}

/** Where a place lands. @param {Matrix} m @param {number} x @param {number} y */
export function landed(m, x, y) {
  const depth = num(m, 6) * x + num(m, 7) * y + num(m, 8);
  return { x: (num(m, 0) * x + num(m, 1) * y + num(m, 2)) / depth, y: (num(m, 3) * x + num(m, 4) * y + num(m, 5)) / depth };
}

/**
 * The CSS transform (about the upper left corner) of an element of this size that shows the unit square at a matrix's
 * place within a frame.
 * @param {Matrix} m @param {{w: number, h: number}} element
 * @param {{x: number, y: number, w: number, h: number}} frame
 */
export function transform(m, element, frame) {
  const whole = times([frame.w, 0, frame.x, 0, frame.h, frame.y, 0, 0, 1], times(m, [1 / element.w, 0, 0, 0, 1 / element.h, 0, 0, 0, 1]));
  const [a, b, c, d, e, f, g, h, i] = whole;
  return `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i].join(", ")})`;
}

/** @param {Matrix} m @param {number} at */
function num(m, at) {
  return /** @type {number} */ (m[at]);
}
