/**
 * Choosing digits in the history: a click on the box, with Shift from the last one to this; once
 * one is chosen, a click anywhere on a digit chooses it, too. The page may be replaced by a fresh
 * one at any time, so that nothing of it is remembered but the last box.
 */

/** @type {HTMLInputElement | undefined} */
let last;

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const entry = target.closest("[data-choosable]");
  const box = entry?.querySelector("input");
  if (!box || event.ctrlKey || event.metaKey) return;
  if (target !== box) {
    if (!event.shiftKey && !boxes().some((one) => one.checked)) return;
    event.preventDefault();
    box.checked = !box.checked;
  }
  if (event.shiftKey && last?.isConnected) chooseBetween(last, box);
  last = box;
  show();
});

document.addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (box.matches("[data-choose-page]")) {
    for (const one of boxes()) one.checked = box.checked;
  }
  if (box.closest(".choosing")) show();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const box of document.querySelectorAll(".choosing input:checked")) {
    /** @type {HTMLInputElement} */ (box).checked = false;
  }
  show();
});

document.addEventListener("fragment", show);
// Shift-click marks text otherwise.
document.addEventListener("mousedown", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (event.shiftKey && target.closest("[data-choosable]")) event.preventDefault();
});
show();

/** @returns {HTMLInputElement[]} */
function boxes() {
  return [...document.querySelectorAll("[data-choosable] input")].map(
    (box) => /** @type {HTMLInputElement} */ (box),
  );
}

/**
 * @param {HTMLInputElement} one
 * @param {HTMLInputElement} other
 */
function chooseBetween(one, other) {
  const all = boxes();
  const places = [all.indexOf(one), all.indexOf(other)];
  const between = all.slice(Math.min(...places), Math.max(...places) + 1);
  for (const box of between) box.checked = other.checked;
}

/** Say how many are chosen, and offer what can be done with them. */
function show() {
  const form = document.querySelector(".choosing");
  if (!(form instanceof HTMLFormElement)) return;
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  const everything = form.querySelector("[name=all]");
  const wantsAll = everything instanceof HTMLInputElement && everything.checked;
  form.toggleAttribute("data-chosen", count > 0 || wantsAll);
  const words = /** @type {HTMLElement} */ (form.querySelector("[data-count]"));
  words.textContent = wantsAll ? "All chosen" : count ? `${count} chosen` : "Choose digits";
  const page = /** @type {HTMLInputElement} */ (form.querySelector("[data-choose-page]"));
  page.checked = count === all.length;
  page.indeterminate = count > 0 && count < all.length;
}
