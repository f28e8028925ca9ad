import { Batch } from "./batch.js";
import { showProblem } from "./problem.js";

/** A batch that was left before all of it was read is gone on with. */
async function readOn() {
  const place = document.querySelector("[data-batch]");
  if (!(place instanceof HTMLElement) || place.dataset.waiting === "0") return;
  const form = document.querySelector("[data-read-on]");
  if (form instanceof HTMLElement) form.hidden = true;
  try {
    await new Batch(place).readOn();
  } catch (error) {
    showProblem(error, readOn);
  }
}

readOn();
