import { announce, parse } from "./fragments.js";
import { Problem, postForFragment } from "./http.js";
import { hideProblem, showProblem } from "./problem.js";

/**
 * The queue: the next digit is painted before the decision on this one is sent. What is not sent
 * yet waits in the storage of this tab, in order, until the site has taken it.
 *
 * @typedef {{ element: HTMLElement, action: string | null }} Past
 * @typedef {{ url: string, label?: string, action?: string }} Message
 */

const STORAGE = "inkling unsent";
const PACE_MILLISECONDS = 60_000;
const NUM_RIPE = 10;
const TIMEOUT_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = [1000, 2000, 4000, 8000];
// The letters of an id: Crockford's base 32 in lower case.
const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
const ID_LENGTH = 26;

const place = /** @type {HTMLElement} */ (document.getElementById("queue"));
const numAhead = Number(place.dataset.numAhead);

/** @type {(HTMLElement | string)[]} the next ones, the first of them made into elements already */
const ahead = [];
/** @type {Past[]} */
const past = [];
/** @type {number[]} */
const moments = [];
/** @type {Message[]} */
const unsent = JSON.parse(sessionStorage.getItem(STORAGE) ?? "[]");

let numDone = Number(text("[data-num-done]"));
let left = text("[data-num-left]");
let isSending = false;
let isLoading = false;
/** @type {Promise<unknown>} what was asked of the site last */
let asked = Promise.resolve();
let isEnd = false;
let tries = 0;
let lastCursor = current()?.dataset.cursor;

place.addEventListener("submit", (event) => {
  const button = /** @type {HTMLButtonElement} */ (event.submitter);
  const form = /** @type {HTMLFormElement} */ (event.target);
  event.preventDefault();
  const action = newId();
  goOn(action);
  send({ url: form.action, label: button.value, action });
});

place.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("[data-skip]")) {
    event.preventDefault();
    goOn(null);
  }
  if (target.closest("[data-back]")) goBack();
});

addEventListener("beforeunload", (event) => {
  if (unsent.length) event.preventDefault();
});

document.querySelector(".queue-undo")?.remove();
prepare(current());
loadMore();
sendNext();

/** @returns {HTMLElement | null} */
function current() {
  return place.querySelector("[data-digit]");
}

/**
 * Show the next digit.
 *
 * @param {string | null} action what was decided on this one, null if it is skipped
 */
function goOn(action) {
  const element = current();
  if (!element) return;
  past.push({ element, action });
  if (action) count(1);
  show(ripe(ahead.shift()));
  ripenSoon();
  loadMore();
}

/** Show the digit before this one again, and undo what was decided on it. */
function goBack() {
  const before = past.pop();
  if (!before) return;
  const element = current();
  if (element) ahead.unshift(element);
  show(before.element);
  if (!before.action) return;
  count(-1);
  send({ url: (place.dataset.undo ?? "").replace("/0", `/${before.action}`) });
}

/** @param {HTMLElement | undefined} element the digit, undefined where none is left */
function show(element) {
  if (element) {
    place.replaceChildren(element);
    back(element).disabled = !past.length;
    announce(element);
  } else if (isEnd) {
    const end = /** @type {HTMLTemplateElement} */ (document.getElementById("end"));
    place.replaceChildren(end.content.cloneNode(true));
  } else {
    place.replaceChildren("…");
  }
}

/** @param {Element} element */
function back(element) {
  return /** @type {HTMLButtonElement} */ (element.querySelector("[data-back]"));
}

/** Load digits until there are as many as the page wants ahead. */
async function loadMore() {
  if (isLoading || isEnd || !lastCursor || ahead.length >= numAhead) return;
  isLoading = true;
  try {
    const fresh = await fetchCases(lastCursor);
    isEnd = !fresh.length;
    ahead.push(...fresh);
    if (!current()) show(ripe(ahead.shift()));
    ripenSoon();
  } catch (error) {
    showProblem(error, loadMore);
    return;
  } finally {
    isLoading = false;
  }
  loadMore();
}

/**
 * @param {string} after
 * @returns {Promise<string[]>}
 */
async function fetchCases(after) {
  const url = new URL(place.dataset.cases ?? "", location.href);
  url.searchParams.set("after", after);
  return inTurn(async () => {
    const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
    const headers = { "X-Fragment": "yes" };
    const response = await fetch(url, { headers, signal }).catch(() => null);
    if (!response?.ok) throw new Problem("The next digits could not be loaded.");
    if (response.redirected) location.assign(response.url);
    const { cases, after: last, left: waiting } = await response.json();
    const most = Number(document.querySelector("[data-num-left]")?.getAttribute("data-most"));
    if (waiting <= most) showLeft(waiting - numUnsent());
    lastCursor = last ?? undefined;
    return cases;
  });
}

/**
 * Ask one thing of the site after the other: what it says is left would otherwise hold some of what
 * is on its way, and nobody could tell how much of it.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {Promise<T>}
 */
function inTurn(ask) {
  const answer = asked.then(ask);
  asked = answer.catch(() => {});
  return answer;
}

/** How many more digits are decided on than the site knows of. */
function numUnsent() {
  return unsent.reduce((sum, message) => sum + (message.label ? 1 : -1), 0);
}

/**
 * Make elements of the next digits, one at a time while nothing else is to be done: to make all of
 * them at once would hold up a key.
 */
function ripenSoon() {
  const at = ahead.slice(0, NUM_RIPE).findIndex((one) => typeof one === "string");
  if (at < 0) return;
  whenIdle(() => {
    const unripe = ahead[at];
    if (typeof unripe === "string") ahead[at] = /** @type {HTMLElement} */ (ripe(unripe));
    ripenSoon();
  });
}

/** @param {() => void} work */
function whenIdle(work) {
  if ("requestIdleCallback" in window) requestIdleCallback(work);
  else setTimeout(work, 50);
}

/**
 * @param {HTMLElement | string | undefined} one
 * @returns {HTMLElement | undefined}
 */
function ripe(one) {
  if (typeof one !== "string") return one;
  const element = parse(one);
  prepare(element);
  return element;
}

/**
 * Fetch the original before it is shown.
 *
 * @param {HTMLElement | null} element
 */
function prepare(element) {
  if (!element) return;
  for (const image of element.querySelectorAll("image")) {
    new Image().src = image.getAttribute("href") ?? "";
  }
}

/** @param {Message} message */
function send(message) {
  unsent.push(message);
  sendNext();
}

/** Send what waits, one after another: an undo never comes before what it undoes. */
async function sendNext() {
  keep();
  const [next] = unsent;
  if (isSending || !next) return;
  isSending = true;
  const body = new FormData();
  if (next.label) body.set("label", next.label);
  if (next.action) body.set("action", next.action);
  try {
    await inTurn(async () => {
      await postForFragment(next.url, body);
      unsent.shift();
    });
    tries = 0;
    hideProblem();
  } catch (error) {
    isSending = false;
    if (!isRefused(error)) return later(error);
    unsent.shift();
    showProblem(error, hideProblem);
  }
  isSending = false;
  sendNext();
}

/**
 * Whether the site will never take a message, such as one about a digit that is deleted meanwhile.
 *
 * @param {unknown} error
 */
function isRefused(error) {
  return error instanceof Problem && [400, 404, 409].includes(error.status);
}

/**
 * Try again by itself; a person may do so sooner, or see what the matter is.
 *
 * @param {unknown} error
 */
function later(error) {
  const wait = RETRY_MILLISECONDS[Math.min(tries, RETRY_MILLISECONDS.length - 1)];
  const number = tries++;
  showProblem(error, () => sendNext());
  setTimeout(() => number === tries - 1 && sendNext(), wait);
}

function keep() {
  sessionStorage.setItem(STORAGE, JSON.stringify(unsent));
  const where = /** @type {HTMLElement} */ (document.querySelector("[data-unsent-place]"));
  where.hidden = unsent.length < 2;
  put("[data-unsent]", unsent.length);
}

/** @param {number} change */
function count(change) {
  numDone += change;
  put("[data-num-done]", numDone);
  if (!left.includes("+")) showLeft(Number(left.replaceAll(",", "")) - change);
  if (change > 0) moments.push(Date.now());
  else moments.pop();
  showPace();
}

/** @param {number} number */
function showLeft(number) {
  left = Math.max(number, 0).toLocaleString("en");
  put("[data-num-left]", left);
}

function showPace() {
  const recent = moments.filter((moment) => moment > Date.now() - PACE_MILLISECONDS);
  moments.splice(0, moments.length, ...recent);
  const where = /** @type {HTMLElement} */ (document.querySelector("[data-pace-place]"));
  where.hidden = !recent.length;
  put("[data-pace]", recent.length);
}

/** @param {string} selector */
function text(selector) {
  return document.querySelector(selector)?.textContent ?? "";
}

/**
 * @param {string} selector
 * @param {string | number} words
 */
function put(selector, words) {
  const element = document.querySelector(selector);
  if (element) element.textContent = String(words);
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("");
}
