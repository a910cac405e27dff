// @ts-check
/**
 * The state of the review: one list of groups, of which pages are fetched as they are needed, where the person is in
 * it, and what she decided. One object, read anew at every key press; what shows it listens to its events:
 * `list` (another list), `items` (pages came), `here` (another group or photo), `group` (one changed), `summary`,
 * `queue` (saved or not), `said` (something to announce).
 */
import { ApiError, get, post, sentence } from "./api.js";

export const LANES = /** @type {const} */ (["identical", "same", "similar", "sets", "decided"]);
const PAGE = 100;
const AHEAD = 30;
const RETRY = 2000;

/**
 * @typedef {Record<string, import("./words.js").Told>} Codes
 * @typedef {{name: string, value: string, delta: string, said: Codes}} Fact
 * @typedef {{id: string, keep: boolean, role: string, name: string, folder: string, source: string, size: number,
 *   width: number, height: number, chips: string[], facts: Fact[], why: string, evidence: string, warning: string, said: Codes}} Photo
 * @typedef {{id: string, version: string, lane: string, relation: string, score: number | null, reason: string,
 *   bytes: number, status: "open" | "decided", verb: string | null, undo_token: string | null, same: string[],
 *   photos: Photo[], said: Codes, pending?: boolean, touched?: boolean}} Group
 * @typedef {{kind: "decide" | "undo", group?: Group, verb?: string, keep?: string[], act: Act}} Errand
 * @typedef {{index: number, groups: number, photos: number, bytes: number, verb: string, token: string | null,
 *   undone?: boolean}} Act
 */

class Deck extends EventTarget {
  constructor() {
    super();
    /** @type {any} */ this.summary = null;
    this.lane = "identical";
    /** @type {Record<string, any>} */ this.filter = {};
    this.sort = "bytes";
    this.total = 0;
    this.index = 0;
    this.focus = 0;
    this.list = "";
    /** @type {Map<number, Group[]>} */ this.pages = new Map();
    /** @type {Set<number>} */ this.asked = new Set();
    /** @type {Errand[]} */ this.queue = [];
    /** @type {Act[]} */ this.acts = [];
    this.sending = false;
    this.offline = false;
    this.error = "";
    this.loading = false;
    this.finished = false;
  }

  /** @param {string} name @param {any} [detail] */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {any} summary */
  setSummary(summary) {
    this.summary = summary;
    this.tell("summary");
  }

  async refreshSummary() {
    this.setSummary(await get("/summary"));
  }

  /** Another list: a lane with a filter. The place in it is the first group. */
  async open(lane = this.lane, filter = this.filter, sort = this.sort) {
    Object.assign(this, { lane, filter, sort, index: 0, focus: 0, total: 0, list: "", error: "", loading: true, finished: false });
    this.pages = new Map();
    this.asked = new Set([0]);
    this.tell("list");
    const decided = lane === "decided";
    const query = { lane: decided ? "" : lane, status: decided ? "decided" : "open", sort: decided ? "decided" : sort };
    try {
      const page = await get("/groups", { ...filter, ...query, limit: PAGE, words: "codes" });
      if (this.lane !== lane || this.filter !== filter) return;
      this.list = page.list;
      this.total = page.total;
      this.pages.set(0, page.items);
    } catch (error) {
      this.error = sentence(error);
    }
    this.loading = false;
    this.tell("list");
    this.tell("here");
  }

  /** @param {number} index @returns {Group | undefined} */
  at(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** The group that is here; none when all of the list are answered. */
  get here() {
    return this.finished ? undefined : this.at(this.index);
  }

  /** Fetch what is around a place. @param {number} first @param {number} last */
  need(first, last) {
    for (let page = Math.floor(Math.max(0, first) / PAGE); page * PAGE <= Math.min(last, this.total - 1); page += 1) {
      if (!this.asked.has(page)) this.fetch(page);
    }
  }

  /** @param {number} page */
  async fetch(page) {
    this.asked.add(page);
    const list = this.list;
    try {
      const answer = await get("/groups", { cursor: `${list}.${page * PAGE}`, limit: PAGE, words: "codes" });
      if (list !== this.list) return;
      this.pages.set(page, answer.items);
      this.tell("items");
      if (Math.floor(this.index / PAGE) === page) this.tell("here");
    } catch (error) {
      this.asked.delete(page);
      if (error instanceof ApiError && error.status === 410) this.open();
    }
  }

  /** @param {number} index */
  go(index) {
    const to = Math.max(0, Math.min(this.total - 1, index));
    if ((to === this.index && !this.finished) || this.total === 0) return;
    if (this.finished && index > this.index) return;
    this.finished = false;
    this.index = to;
    this.focus = 0;
    this.need(to - 1, to + AHEAD);
    this.tell("here");
  }

  /** The next group that is open, after this one and then from the beginning; where there is none, the list is done. */
  goOpen() {
    if (this.lane === "decided") return this.go(this.index + 1);
    for (let step = 1; step <= this.total; step += 1) {
      const index = (this.index + step) % this.total;
      const group = this.at(index);
      if (!group || group.status === "open") {
        this.go(index);
        return;
      }
    }
    this.finished = true;
    this.tell("here");
  }

  /** @param {number} by */
  moveFocus(by) {
    const photos = this.here?.photos.length ?? 0;
    if (!photos) return;
    this.focus = (this.focus + by + photos) % photos;
    this.tell("here");
  }

  /** Change who stays; nothing is noted before it is accepted. @param {(photo: Photo, at: number) => boolean} keeps */
  mark(keeps) {
    const group = this.here;
    if (!group) return;
    const wanted = group.photos.map(keeps);
    if (!wanted.includes(true)) {
      this.tell("said", "said.oneStays");
      return;
    }
    group.photos.forEach((photo, at) => (photo.keep = /** @type {boolean} */ (wanted[at])));
    group.touched = true;
    this.tell("group", group);
  }

  /** Note a decision about the group that is here and go to the next one. @param {string} verb */
  decide(verb) {
    const group = this.here;
    if (!group) return;
    const gone = verb === "keep" ? group.photos.filter((photo) => !photo.keep) : [];
    if (verb === "keep" && !gone.length) verb = "keep_all";
    if (verb !== "keep") group.photos.forEach((photo) => (photo.keep = true));
    const size = gone.reduce((sum, photo) => sum + photo.size, 0);
    /** @type {Act} */
    const act = { index: this.index, groups: 1, photos: gone.length, bytes: size, verb, token: null };
    const keep = group.photos.filter((photo) => photo.keep).map((photo) => photo.id);
    Object.assign(group, { status: "decided", verb, bytes: size, pending: true, touched: false });
    this.acts.push(act);
    this.queue.push({ kind: "decide", group, verb, keep: verb === "keep" ? keep : [], act });
    this.tell("group", group);
    this.tell("queue");
    this.goOpen();
    this.send();
  }

  /** Take back the newest act that was not taken back. */
  async undo() {
    const act = this.acts.findLast((one) => !one.undone) ?? (await this.earlier());
    if (!act) return this.tell("said", "said.nothingToUndo");
    act.undone = true;
    this.queue.push({ kind: "undo", act });
    this.tell("queue");
    await this.send();
  }

  /** The newest act of before this page was opened. @returns {Promise<Act | undefined>} */
  async earlier() {
    const { items } = await get("/decisions", { limit: 20 });
    const newest = items.find((/** @type {any} */ one) => !one.revoked);
    return newest && { ...newest, index: -1, token: newest.undo_token };
  }

  /** One errand after the other; what cannot be delivered waits and is tried again. */
  async send() {
    if (this.sending) return;
    this.sending = true;
    while (this.queue.length) {
      const errand = /** @type {Errand} */ (this.queue[0]);
      try {
        await (errand.kind === "decide" ? this.deliver(errand) : this.takeBack(errand));
        this.offline = false;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status >= 500) {
          this.offline = true;
          this.tell("queue");
          await new Promise((resolve) => setTimeout(resolve, RETRY));
          continue;
        }
        this.refused(errand, error);
      }
      this.queue.shift();
      this.tell("queue");
    }
    this.sending = false;
  }

  /** @param {Errand} errand */
  async deliver({ group, verb, keep, act }) {
    if (!group) return;
    const body = { group_id: group.id, version: group.version, verb, keep };
    const answer = await post("/decisions", body);
    act.token = answer.undo_token;
    this.replace(group, answer.group);
    this.setSummary(answer.summary);
  }

  /** @param {Errand} errand */
  async takeBack({ act }) {
    if (!act.token) return;
    const answer = await post("/undo", { undo_token: act.token });
    for (const group of answer.groups) {
      const known = this.find(group.id);
      if (known) this.replace(known, group);
    }
    this.setSummary(answer.summary);
    if (act.groups > answer.groups.length || act.index < 0) await this.open();
    else this.go(act.index);
    this.tell("here");
    this.tell("said", "said.undone");
  }

  /** @param {Errand} errand @param {ApiError} error */
  refused(errand, error) {
    if (errand.group && error.body.group) this.replace(errand.group, error.body.group);
    errand.act.undone = true;
    this.error = error.message;
    this.tell("refused", error.message);
    this.tell("here");
  }

  /** Decide many, as the dry run said. @param {any} body */
  async bulk(body) {
    const answer = await post("/decisions/bulk", body);
    if (!body.dry_run) {
      this.acts.push({ ...answer, index: -1, verb: "keep", token: answer.undo_token });
      this.setSummary(answer.summary);
      await this.open();
      this.tell("queue");
    }
    return answer;
  }

  /** @param {string} id */
  find(id) {
    for (const page of this.pages.values()) {
      const found = page.find((group) => group.id === id);
      if (found) return found;
    }
    return undefined;
  }

  /** @param {Group} group @param {Group} fresh */
  replace(group, fresh) {
    const marks = group.touched ? new Map(group.photos.map((photo) => [photo.id, photo.keep])) : null;
    Object.assign(group, fresh, { pending: false });
    if (marks) group.photos.forEach((photo) => (photo.keep = marks.get(photo.id) ?? photo.keep));
    this.tell("group", group);
  }
}

export const deck = new Deck();
