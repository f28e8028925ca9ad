import { announce, parse } from "./fragments.js";
import { postForFragment } from "./http.js";
import { hideProblem, showProblem } from "./problem.js";
import { Reader } from "./reader.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("upload"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("image"));
const drop = /** @type {HTMLElement} */ (document.getElementById("drop"));
const preview = /** @type {HTMLImageElement} */ (document.getElementById("preview"));
const answer = /** @type {HTMLElement} */ (document.getElementById("answer"));

const reader = new Reader(read);

async function read() {
  answer.ariaBusy = "true";
  try {
    const fragment = parse(await postForFragment(form.action, new FormData(form)));
    answer.replaceChildren(fragment);
    announce(fragment);
    hideProblem();
  } catch (error) {
    answer.replaceChildren();
    showProblem(error, () => reader.ask());
  }
  answer.ariaBusy = "false";
}

/** Show what was chosen and have it read. */
function take() {
  const file = input.files?.[0];
  if (!file) return;
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
  reader.ask();
}

/**
 * @param {DataTransfer | null} transfer
 * @returns {boolean} whether there was a file in it
 */
function takeFrom(transfer) {
  if (!transfer?.files.length) return false;
  input.files = transfer.files;
  take();
  return true;
}

/** @param {DragEvent} event */
function hover(event) {
  event.preventDefault();
  drop.classList.toggle("is-over", event.type === "dragover");
}

input.addEventListener("change", take);
preview.addEventListener("error", () => {
  preview.hidden = true;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  take();
});
document.addEventListener("dragover", hover);
document.addEventListener("dragleave", hover);
document.addEventListener("drop", (event) => {
  hover(event);
  takeFrom(event.dataTransfer);
});
document.addEventListener("paste", (event) => {
  if (takeFrom(event.clipboardData)) event.preventDefault();
});
for (const id of ["send", "drop-hint"]) {
  const part = /** @type {HTMLElement} */ (document.getElementById(id));
  part.hidden = !part.hidden;
}
