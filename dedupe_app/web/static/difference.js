// @ts-check
/** What differs between two pictures: the second laid on the first, both brought to the coarser resolution and to equal
 *  brightness and contrast, then subtracted where both show something. */
import { inverse, landed, onto, sideways } from "./laying.js";

const LONGEST = 1024;
const SEEN = 24; // grey levels of difference that an eye notices

/**
 * Draw the first picture in grey with what differs in red, and measure it. What the second does not show is dark.
 * @param {HTMLCanvasElement} canvas
 * @param {string} first @param {string} second addresses
 * @param {number} symmetry how the second lies on the first
 * @param {import("./laying.js").Matrix | null} matrix where it lies there; null: edge on edge
 * @returns {Promise<{share: number, most: number}>}
 */
export async function difference(canvas, first, second, symmetry, matrix) {
  const [a, b] = await Promise.all([load(first), load(second)]);
  const own = sideways(symmetry) ? b.naturalWidth / b.naturalHeight : b.naturalHeight / b.naturalWidth;
  const part = matrix ? Math.sqrt(area(matrix)) : 1;
  const scale = Math.min(1, LONGEST / longest(a), longest(b) / longest(a) / part);
  const width = Math.max(1, Math.round(a.naturalWidth * scale));
  const height = Math.max(1, Math.round(a.naturalHeight * scale));
  const one = gray(pixels(a, width, height));
  const broad = Math.sqrt((width * height * part * part) / own);
  const two = matrix || symmetry ? laid(b, onto(symmetry, matrix), sideways(symmetry) ? [broad * own, broad] : [broad, broad * own], width, height) : gray(pixels(b, width, height));
  for (let at = 0; at < one.length; at += 1) if (Number.isNaN(two[at])) one[at] = NaN;
  const shown = one.slice();
  level(one);
  level(two);
  return drawn(canvas, width, height, shown, one, two);
}

/**
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 * @param {Float32Array} shown @param {Float32Array} one @param {Float32Array} two
 */
function drawn(canvas, width, height, shown, one, two) {
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const out = context.createImageData(width, height);
  let [both, seen, most] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    out.data[4 * at + 3] = 255;
    const apart = Math.abs(/** @type {number} */ (one[at]) - /** @type {number} */ (two[at]));
    if (Number.isNaN(apart)) continue;
    both += 1;
    most = Math.max(most, apart);
    if (apart > SEEN) seen += 1;
    const base = 60 + /** @type {number} */ (shown[at]) * 0.35;
    out.data[4 * at] = Math.max(base, Math.min(255, apart * 4));
    out.data[4 * at + 1] = apart > SEEN ? base * 0.4 : base;
    out.data[4 * at + 2] = apart > SEEN ? base * 0.4 : base;
  }
  context.putImageData(out, 0, 0);
  return { share: both ? seen / both : 0, most: Math.min(1, most / 255) };
}

/** @param {string} address */
async function load(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** @param {HTMLImageElement} image */
function longest(image) {
  return Math.max(image.naturalWidth, image.naturalHeight, 1);
}

/** How much of the first picture the second covers, about. @param {import("./laying.js").Matrix} matrix */
function area(matrix) {
  const [a = 1, b = 0, , d = 0, e = 1] = matrix;
  return Math.abs(a * e - b * d) || 1;
}

/** @param {HTMLImageElement} image @param {number} width @param {number} height */
function pixels(image, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/**
 * The grey of a picture where it lies on another of this size, NaN where it does not.
 * @param {HTMLImageElement} image @param {import("./laying.js").Matrix} matrix @param {number[]} size as it is read
 * @param {number} width @param {number} height
 */
function laid(image, matrix, size, width, height) {
  const [w, h] = /** @type {[number, number]} */ (size.map((one) => Math.max(2, Math.round(one))));
  const from = gray(pixels(image, w, h));
  const back = inverse(matrix);
  const out = new Float32Array(width * height).fill(NaN);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const { x, y } = landed(back, (column + 0.5) / width, (row + 0.5) / height);
      if (x >= 0 && x <= 1 && y >= 0 && y <= 1) out[row * width + column] = between(from, w, h, x * w - 0.5, y * h - 0.5);
    }
  }
  return out;
}

/** Bilinear. @param {Float32Array} values @param {number} w @param {number} h @param {number} x @param {number} y */
function between(values, w, h, x, y) {
  const left = Math.min(w - 2, Math.max(0, Math.floor(x)));
  const top = Math.min(h - 2, Math.max(0, Math.floor(y)));
  const [right, down] = [Math.min(1, Math.max(0, x - left)), Math.min(1, Math.max(0, y - top))];
  const at = (/** @type {number} */ place) => /** @type {number} */ (values[place]);
  const upper = at(top * w + left) * (1 - right) + at(top * w + left + 1) * right;
  const lower = at((top + 1) * w + left) * (1 - right) + at((top + 1) * w + left + 1) * right;
  return upper * (1 - down) + lower * down;
}

/** @param {Uint8ClampedArray} data */
function gray(data) {
  const out = new Float32Array(data.length / 4);
  for (let at = 0; at < out.length; at += 1) {
    out[at] = 0.299 * /** @type {number} */ (data[4 * at]) + 0.587 * /** @type {number} */ (data[4 * at + 1]) + 0.114 * /** @type {number} */ (data[4 * at + 2]);
  }
  return out;
}

/** Mean 128 and standard deviation 48: what is left is not the exposure. @param {Float32Array} values */
function level(values) {
  let [sum, squares, count] = [0, 0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    squares += value * value;
    count += 1;
  }
  const mean = sum / count;
  const spread = Math.sqrt(Math.max(1, squares / count - mean * mean));
  for (let at = 0; at < values.length; at += 1) values[at] = 128 + ((/** @type {number} */ (values[at]) - mean) * 48) / spread;
}
