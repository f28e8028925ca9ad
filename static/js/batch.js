import { parse } from "./fragments.js";
import { Problem, postForFragment } from "./http.js";

/** How long to wait before a site that was busy is asked again. */
const PATIENCE_MILLISECONDS = 1500;
const TRIES = 4;

/** What passes by itself: no answer at all, too many requests, all places taken. */
const PASSING = [0, 429, 503];

/** A batch on the page: files go in one by one, and what was read in them comes into the table. */
export class Batch {
  #place;
  #table;
  #bar;
  #words;
  #total = 0;

  /** @param {HTMLElement} place the fragment of the batch */
  constructor(place) {
    this.#place = place;
    this.#table = /** @type {HTMLTableElement} */ (place.querySelector("table"));
    this.#bar = /** @type {HTMLProgressElement} */ (place.querySelector("progress"));
    this.#words = /** @type {HTMLElement} */ (place.querySelector("[data-progress-words]"));
  }

  get #rows() {
    return [...this.#table.querySelectorAll("tr[data-state]")];
  }

  get #numWaiting() {
    return Number(this.#place.dataset.waiting);
  }

  /**
   * Send files one after the other; one that does not arrive stands in the list with the reason.
   *
   * @param {File[]} files
   */
  async send(files) {
    for (const [at, file] of files.entries()) {
      this.#show(files.length - at);
      const data = new FormData();
      data.append("image", file, file.name);
      try {
        this.#take(await patiently(() => postForFragment(this.#place.dataset.files ?? "", data)));
      } catch (error) {
        this.#table.tBodies[0]?.append(problemRow(file.name, error));
      }
    }
    await this.readOn();
  }

  /** Have what waits read, file by file. */
  async readOn() {
    while (this.#numWaiting) {
      this.#show(0);
      const empty = new FormData();
      this.#take(await patiently(() => postForFragment(this.#place.dataset.read ?? "", empty)));
    }
    this.#show(0);
  }

  /** @param {string} html a body of the table */
  #take(html) {
    const fresh = parse(html);
    this.#place.dataset.waiting = fresh.dataset.waiting ?? "0";
    for (const row of [...fresh.children]) {
      const before = document.getElementById(row.id);
      if (before) before.replaceWith(row);
      else this.#table.tBodies[0]?.append(row);
    }
  }

  /** @param {number} unsent how many files are still to be sent */
  #show(unsent) {
    const rows = this.#rows;
    const left = unsent + this.#numWaiting;
    const done = rows.filter((row) => row.getAttribute("data-state") !== "waiting").length;
    const bad = rows.filter((row) => row.getAttribute("data-state") === "problem").length;
    this.#total = done + left;
    this.#bar.max = Math.max(this.#total, 1);
    this.#bar.value = done;
    const end = bad ? `, ${bad} could not be read` : "";
    this.#words.textContent = left
      ? `${done} of ${this.#total} files are done${end}`
      : `All ${done} files are done${end}`;
    const box = this.#bar.closest("[data-progress]");
    if (box instanceof HTMLElement) box.hidden = false;
  }
}

/**
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function patiently(ask) {
  for (let tried = 1; ; tried++) {
    try {
      return await ask();
    } catch (error) {
      const passes = error instanceof Problem && PASSING.includes(error.status);
      if (tried === TRIES || !passes) throw error;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MILLISECONDS * tried));
    }
  }
}

/**
 * @param {string} name
 * @param {unknown} error
 */
function problemRow(name, error) {
  const row = document.createElement("tr");
  row.dataset.state = "problem";
  const head = document.createElement("th");
  head.className = "batch-name";
  head.scope = "row";
  head.textContent = name;
  const cell = document.createElement("td");
  cell.className = "batch-problem";
  cell.colSpan = 3;
  cell.textContent = error instanceof Error ? error.message : String(error);
  row.append(head, cell);
  return row;
}
