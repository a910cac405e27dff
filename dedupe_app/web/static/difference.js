// @ts-check
/** What differs between two pictures: the second turned onto the first, both brought to the smaller size and to equal
 *  brightness and contrast, then subtracted. */

const LONGEST = 1024;
const SEEN = 24; // grey levels of difference that an eye notices

/**
 * Draw the first picture in grey with what differs in red, and measure it.
 * @param {HTMLCanvasElement} canvas
 * @param {string} first @param {string} second addresses
 * @param {number} symmetry how the second lies on the first
 * @returns {Promise<{share: number, most: number}>}
 */
export async function difference(canvas, first, second, symmetry) {
  const [a, b] = await Promise.all([load(first), load(second)]);
  const turned = symmetry === 1 || symmetry === 3 || symmetry >= 6;
  const small = Math.min(longest(a), longest(b), LONGEST);
  const scale = small / longest(a);
  const width = Math.max(1, Math.round(a.naturalWidth * scale));
  const height = Math.max(1, Math.round(a.naturalHeight * scale));
  const one = gray(pixels(a, width, height, 0, false));
  const two = gray(pixels(b, width, height, symmetry, turned));
  level(one);
  level(two);
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const out = context.createImageData(width, height);
  let seen = 0;
  let most = 0;
  for (let at = 0; at < one.length; at += 1) {
    const apart = Math.abs(/** @type {number} */ (one[at]) - /** @type {number} */ (two[at]));
    most = Math.max(most, apart);
    if (apart > SEEN) seen += 1;
    const base = 60 + /** @type {number} */ (one[at]) * 0.35;
    const red = Math.min(255, apart * 4);
    out.data[4 * at] = Math.max(base, red);
    out.data[4 * at + 1] = apart > SEEN ? base * 0.4 : base;
    out.data[4 * at + 2] = apart > SEEN ? base * 0.4 : base;
    out.data[4 * at + 3] = 255;
  }
  context.putImageData(out, 0, 0);
  return { share: seen / one.length, most: Math.min(1, most / 255) };
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

/**
 * @param {HTMLImageElement} image @param {number} width @param {number} height
 * @param {number} symmetry @param {boolean} turned
 */
function pixels(image, width, height, symmetry, turned) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.translate(width / 2, height / 2);
  const quarter = Math.PI / 2;
  if (symmetry === 1) context.rotate(-quarter);
  if (symmetry === 2) context.rotate(2 * quarter);
  if (symmetry === 3) context.rotate(quarter);
  if (symmetry === 4) context.scale(-1, 1);
  if (symmetry === 5) context.scale(1, -1);
  if (symmetry === 6) context.transform(0, 1, 1, 0, 0, 0);
  if (symmetry === 7) context.transform(0, -1, -1, 0, 0, 0);
  const [w, h] = turned ? [height, width] : [width, height];
  context.drawImage(image, -w / 2, -h / 2, w, h);
  return context.getImageData(0, 0, width, height).data;
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
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const spread = Math.sqrt(Math.max(1, squares / values.length - mean * mean));
  for (let at = 0; at < values.length; at += 1) values[at] = 128 + ((/** @type {number} */ (values[at]) - mean) * 48) / spread;
}
