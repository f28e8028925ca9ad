const box = /** @type {HTMLElement} */ (document.getElementById("problem"));
const text = /** @type {HTMLElement} */ (box.querySelector("[data-text]"));
const button = /** @type {HTMLButtonElement} */ (box.querySelector("[data-retry]"));

/**
 * Say what went wrong, and offer to try again.
 *
 * @param {unknown} error
 * @param {() => void} retry
 */
export function showProblem(error, retry) {
  text.textContent = error instanceof Error ? error.message : String(error);
  button.onclick = () => {
    hideProblem();
    retry();
  };
  box.hidden = false;
}

export function hideProblem() {
  box.hidden = true;
}

addEventListener("online", () => {
  if (!box.hidden) button.click();
});
