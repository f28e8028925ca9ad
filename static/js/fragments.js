import { postForFragment } from "./http.js";
import { hideProblem, showProblem } from "./problem.js";
import { localise } from "./times.js";

/**
 * Forms marked `data-fragment` are sent by script; the fragment that comes back takes the place
 * of the nearest `data-fragment-place`. Without scripts the same forms lead to a page, and so does
 * a button marked `data-whole-page`.
 */
export function enhanceForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.fragment === undefined) return;
    if (event.submitter?.dataset.wholePage !== undefined) return;
    event.preventDefault();
    sendForm(form, new FormData(form, event.submitter));
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {FormData} data
 */
async function sendForm(form, data) {
  const place = form.closest("[data-fragment-place]");
  if (!(place instanceof HTMLElement) || place.inert) return;
  const key = focusedKey(place);
  place.inert = true;
  try {
    const fresh = parse(await postForFragment(form.action, data));
    putInPlace(place, fresh, key);
    hideProblem();
  } catch (error) {
    place.inert = false;
    showProblem(error, () => sendForm(form, data));
  }
}

/**
 * @param {Element} place
 * @param {HTMLElement} fresh
 * @param {string | undefined} key of the control that had the focus
 */
function putInPlace(place, fresh, key) {
  place.replaceWith(fresh);
  if (key) focusAgain(fresh, key);
  announce(fresh);
  fresh.dispatchEvent(new Event("fragment", { bubbles: true }));
}

/**
 * Make an element of a fragment; this site's own templates made it, and they escape.
 *
 * @param {string} html
 * @returns {HTMLElement}
 */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = /** @type {HTMLElement} */ (template.content.firstElementChild);
  localise(fresh);
  return fresh;
}

/** @param {HTMLElement} fragment */
export function announce(fragment) {
  const region = document.getElementById("announcement");
  const words = fragment.dataset.announcement;
  if (region && words) region.textContent = words;
}

/** @param {Element} place */
function focusedKey(place) {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement) || !place.contains(focused)) return undefined;
  return focused.dataset.key ?? "none";
}

/**
 * Who works with the keyboard goes on where they were.
 *
 * @param {HTMLElement} fresh
 * @param {string} key
 */
function focusAgain(fresh, key) {
  const same = fresh.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (same instanceof HTMLElement) return same.focus();
  fresh.tabIndex = -1;
  fresh.focus({ preventScroll: true });
}
