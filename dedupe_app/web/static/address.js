// @ts-check
/** Which list is shown stands in the address, so that it can be kept as a bookmark and gone back to. */

const TRUE = ["people", "across"];
const NUMBERS = ["min_score", "min_bytes", "min_size"];
export const FIELDS = ["q", "source", "folder", "label", "person", "formats", "taken", "relation", ...NUMBERS, ...TRUE];
export const SORTS = ["bytes", "score", "doubt", "date", "oldest", "size", "most"];

/**
 * @typedef {{lane: string, filter: Record<string, any>, sort: string}} Listing
 */

/** The address of a list. @param {string} lane @param {Record<string, any>} filter @param {string} sort */
export function listAddress(lane, filter, sort) {
  const words = new URLSearchParams();
  for (const field of FIELDS) if (filter[field]) words.set(field, String(filter[field]));
  if (sort !== "bytes") words.set("sort", sort);
  const query = words.toString();
  return `#/review/${lane}${query ? `?${query}` : ""}`;
}

/** What an address asks for; what it does not know is left out. @param {string} address @returns {Listing} */
export function listOf(address) {
  const [place = "", query = ""] = address.replace(/^#\//, "").split("?");
  const words = new URLSearchParams(query);
  /** @type {Record<string, any>} */
  const filter = {};
  for (const field of FIELDS) {
    const value = words.get(field);
    if (!value) continue;
    const known = NUMBERS.includes(field) ? Number(value) : TRUE.includes(field) ? value === "true" : value.slice(0, 200);
    if (known) filter[field] = known;
  }
  const sort = words.get("sort") ?? "";
  return { lane: place.split("/")[1] ?? "", filter, sort: SORTS.includes(sort) ? sort : "bytes" };
}

/** @param {Listing} one @param {Listing} other */
export function sameList(one, other) {
  return listAddress(one.lane, one.filter, one.sort) === listAddress(other.lane, other.filter, other.sort);
}
