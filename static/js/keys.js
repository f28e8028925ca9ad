/**
 * Every control names its keys itself, in `data-key`: letters in lower case, several with spaces
 * between them, such as `z Control+z`. In lists, what is marked `data-keys="near"` listens only
 * while the focus is in it.
 */
export function listenForKeys() {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || event.altKey || isTaken(event.key, target)) return;
    const control = controlFor(keyName(event));
    if (!control) return;
    event.preventDefault();
    control.click();
  });
}

/** @param {KeyboardEvent} event */
function keyName({ ctrlKey, metaKey, key }) {
  const name = key === " " ? "Space" : key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey) return `Control+${name}`;
  return metaKey ? `Meta+${name}` : name;
}

/**
 * Whether the focused element wants the key for itself.
 *
 * @param {string} key
 * @param {Element} target
 */
function isTaken(key, target) {
  if (target.matches("input[type=checkbox]")) return key === " ";
  if (target.matches("textarea, select, input:not([type=file], [type=radio])")) return true;
  if (key === "Enter" && target.matches("[type=radio]")) return false;
  return ["Enter", " "].includes(key) && target.matches("a, button, summary, input");
}

/**
 * Return the control that a key belongs to: near the focus first, then where nothing was said yet.
 *
 * @param {string} key
 * @returns {HTMLElement | undefined}
 */
function controlFor(key) {
  const controls = [
    .../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-key]")),
  ].filter((control) => control.dataset.key?.split(" ").includes(key) && isUsable(control));
  const near = document.activeElement?.closest("article, li");
  const elsewhere = controls.filter((control) => !control.closest("[data-keys=near]"));
  return (
    controls.find((control) => near?.contains(control)) ??
    elsewhere.find((control) => !control.closest("[data-corrected]")) ??
    elsewhere[0]
  );
}

/** @param {HTMLElement} control */
function isUsable(control) {
  return !control.matches(":disabled, [inert] *") && control.getClientRects().length > 0;
}
