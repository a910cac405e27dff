// @ts-check
/** Speaking with the server. What it refuses is an `ApiError` with its sentence; what it never got is a TypeError. */

import { say, t } from "./words.js";

const BASE = "/api/v1";
let token = "";

export class ApiError extends Error {
  /** @param {number} status @param {string} sentence @param {any} body */
  constructor(status, sentence, body) {
    super(sentence);
    this.status = status;
    this.body = body;
  }
}

/** @param {string} path @param {Record<string, any>} [query] */
export async function get(path, query = {}) {
  const known = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== false && value !== 0);
  const words = new URLSearchParams(known.map(([name, value]) => [name, String(value)]));
  return answer(await fetch(`${BASE}${path}${known.length ? `?${words}` : ""}`, { credentials: "same-origin" }));
}

/** @param {string} path @param {any} [body] */
export async function post(path, body = {}) {
  return answer(
    await fetch(`${BASE}${path}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json", "x-keepone-token": token },
      body: JSON.stringify(body),
    }),
  );
}

/** @param {Response} response */
async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, say(body, "error") || `${response.status}`, body);
  return body;
}

/** What went wrong, for a person: the server's sentence, or that the server is away. @param {unknown} error */
export function sentence(error) {
  return error instanceof ApiError ? error.message : t("state.noServer");
}

/** What the page needs at its start. */
export async function begin() {
  const about = await get("/about");
  token = about.token;
  return about;
}

/** @param {string} photo @param {320 | 1600 | 4096} edge */
export function picture(photo, edge) {
  return `${BASE}/photos/${photo}/${edge}.webp`;
}

/** Why a photo cannot be shown. @param {string} photo @param {320 | 1600 | 4096} edge */
export async function whyNot(photo, edge) {
  return get(`/photos/${photo}/${edge}.webp`).then(() => "", sentence);
}

/** @param {string} plan */
export function planFile(plan) {
  return `${BASE}/plans/${plan}/export`;
}

const POLL = 2000;

/**
 * Events of the server, as DOM events of this target: `job` and `groups`. When the stream breaks for good, jobs are
 * asked for every two seconds.
 */
export const events = new EventTarget();

/** @param {string} name @param {any} detail */
function tell(name, detail) {
  events.dispatchEvent(new CustomEvent(name, { detail }));
}

export function listen() {
  const source = new EventSource(`${BASE}/events`);
  /** @type {number | undefined} */
  let polling;
  for (const name of ["job", "groups"]) {
    source.addEventListener(name, (event) => tell(name, JSON.parse(/** @type {MessageEvent} */ (event).data)));
  }
  source.addEventListener("open", () => {
    clearInterval(polling);
    polling = undefined;
    tell("online", true);
  });
  source.addEventListener("error", () => {
    tell("online", false);
    polling ??= setInterval(poll, POLL);
  });
}

async function poll() {
  const jobs = await get("/jobs").catch(() => []);
  if (jobs[0]) tell("job", jobs[0]);
}
