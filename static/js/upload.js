import { drawBoxes } from "./answers.js";
import { Batch } from "./batch.js";
import { announce, parse } from "./fragments.js";
import { postForFragment } from "./http.js";
import { hideProblem, showProblem } from "./problem.js";
import { Reader } from "./reader.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("upload"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("image"));
const camera = /** @type {HTMLInputElement} */ (document.getElementById("camera"));
const definition = /** @type {HTMLInputElement} */ (document.getElementById("definition"));
const drop = /** @type {HTMLElement} */ (document.getElementById("drop"));
const shown = /** @type {HTMLElement} */ (document.getElementById("shown"));
const boxes = /** @type {SVGSVGElement} */ (document.querySelector("#boxes"));
const preview = /** @type {HTMLImageElement} */ (document.getElementById("preview"));
const answer = /** @type {HTMLElement} */ (document.getElementById("answer"));

/** What was chosen last, and is to be read. */
let files = /** @type {File[]} */ ([]);
const reader = new Reader(read);

async function read() {
  const chosen = files;
  answer.ariaBusy = "true";
  try {
    const isBatch = chosen.length > 1 || chosen.some(isArchive) || definition.files?.length;
    await (isBatch ? readBatch(chosen) : readPicture(chosen));
    hideProblem();
  } catch (error) {
    answer.replaceChildren();
    showProblem(error, () => reader.ask());
  }
  answer.ariaBusy = "false";
}

/** @param {File[]} chosen one picture */
async function readPicture(chosen) {
  const data = new FormData();
  for (const file of chosen) data.append("image", file, file.name);
  const fragment = parse(await postForFragment(form.action, data));
  show(fragment);
  drawBoxes(boxes, fragment);
  announce(fragment);
}

/** @param {File[]} chosen */
async function readBatch(chosen) {
  const data = new FormData();
  for (const file of definition.files ?? []) data.append("form", file, file.name);
  const fragment = parse(await postForFragment(form.dataset.batches ?? "", data));
  show(fragment);
  answer.ariaBusy = "false";
  await new Batch(fragment).send(chosen);
}

/**
 * Put an answer in its place, and bring it into sight: on a phone that is below what was chosen.
 *
 * @param {HTMLElement} fragment
 */
function show(fragment) {
  answer.replaceChildren(fragment);
  if (answer.getBoundingClientRect().top > innerHeight / 2) answer.scrollIntoView();
}

/** @param {File} file */
function isArchive(file) {
  return file.type.includes("zip") || /\.zip$/i.test(file.name);
}

/**
 * Show what was chosen and have it read.
 *
 * @param {FileList | null} chosen
 */
function take(chosen) {
  if (!chosen?.length) return;
  files = [...chosen];
  URL.revokeObjectURL(preview.src);
  const [file] = files;
  shown.hidden = files.length > 1 || !file || isArchive(file);
  if (file && !shown.hidden) preview.src = URL.createObjectURL(file);
  drawBoxes(boxes);
  reader.ask();
}

/**
 * @param {DataTransfer | null} transfer
 * @returns {boolean} whether there was a file in it
 */
function takeFrom(transfer) {
  if (!transfer?.files.length) return false;
  input.files = transfer.files;
  take(transfer.files);
  return true;
}

/** @param {DragEvent} event */
function hover(event) {
  event.preventDefault();
  drop.classList.toggle("is-over", event.type === "dragover");
}

for (const source of [input, camera]) source.addEventListener("change", () => take(source.files));
preview.addEventListener("load", () => {
  boxes.setAttribute("viewBox", `0 0 ${preview.naturalWidth} ${preview.naturalHeight}`);
});
preview.addEventListener("error", () => {
  shown.hidden = true;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  take(input.files);
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
