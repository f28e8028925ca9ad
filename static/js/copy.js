/** How long a button says that it has copied. */
const THANKS_MILLISECONDS = 1500;

/** A button marked `data-copy` copies the reading of the answer that it stands in. */
export function offerCopying() {
  document.addEventListener("click", (event) => {
    const button = /** @type {Element} */ (event.target).closest("[data-copy]");
    const reading = button?.closest(".answer")?.querySelector("[data-reading]");
    if (button instanceof HTMLElement && reading instanceof HTMLElement) copy(reading, button);
  });
}

/**
 * @param {HTMLElement} reading
 * @param {HTMLElement} button
 */
async function copy(reading, button) {
  const lines = [...reading.querySelectorAll("[data-line]")].map((line) => line.textContent ?? "");
  const text = lines.join("\n");
  if ((await copyByClipboard(text)) || copyBySelection(text)) return thank(button);
  // Neither works: what is selected needs one key of the person's own.
  getSelection()?.selectAllChildren(reading);
}

/**
 * Browsers have the Clipboard API on https and on the machine itself only; phones reach a
 * computer in the same network without.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied
 */
async function copyByClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} text
 * @returns {boolean} whether it was copied
 */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}

/** @param {HTMLElement} button */
function thank(button) {
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, THANKS_MILLISECONDS);
  const region = document.getElementById("announcement");
  if (region) region.textContent = "Copied";
}
