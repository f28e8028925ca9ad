import { drawBoxes } from "./answers.js";
import { announce, parse } from "./fragments.js";
import { postForFragment } from "./http.js";
import { Pad } from "./pad.js";
import { hideProblem, showProblem } from "./problem.js";
import { Reader } from "./reader.js";
import { Drawing } from "./strokes.js";

/** The next stroke often follows at once; reading waits that long for it. */
const PAUSE_MILLISECONDS = 120;

/** Where the drawing is kept for as long as the tab lives, so that a reload does not lose it. */
const STORE = "inkling drawing";

/** One sheet of paper: what is on it, and the answer that its next reading replaces. */
class Sheet {
  /** @type {string | null} */
  answerId = null;
  /** A digit of it was corrected: what is drawn next is another drawing. */
  isFinished = false;

  /** @param {Drawing} [drawing] */
  constructor(drawing = new Drawing()) {
    this.drawing = drawing;
  }
}

/** The drawing page. */
class DrawPage {
  #pad = new Pad(/** @type {HTMLCanvasElement} */ (element("pad")));
  #answer = element("answer");
  #boxes = /** @type {SVGSVGElement} */ (document.querySelector("#boxes"));
  #undo = /** @type {HTMLButtonElement} */ (element("undo"));
  #clear = /** @type {HTMLButtonElement} */ (element("clear"));
  #nothingYet = this.#answer.firstElementChild?.outerHTML ?? "";
  #sheet = new Sheet();
  #reader = new Reader(() => this.#read());

  /** Whether the answer on the page is that to all that is on the paper. */
  get #isCurrent() {
    return this.#answer.ariaBusy !== "true";
  }

  set #isCurrent(isCurrent) {
    this.#answer.ariaBusy = String(!isCurrent);
  }

  start() {
    this.#pad.addEventListener("padstart", () => this.#strokeStarts());
    this.#pad.addEventListener("padstroke", () => this.#changed(PAUSE_MILLISECONDS));
    this.#undo.addEventListener("click", () => this.#undoStroke());
    this.#clear.addEventListener("click", () => this.#startOver());
    this.#answer.addEventListener("submit", (event) => this.#correctNewest(event), true);
    this.#answer.addEventListener("fragment", () => this.#finish());
    this.#take(storedSheet());
    this.#changed(0);
  }

  #strokeStarts() {
    if (this.#sheet.isFinished) this.#startOver();
    element("hint").hidden = true;
    this.#isCurrent = false;
  }

  #undoStroke() {
    if (this.#pad.isDrawing || this.#sheet.isFinished) return;
    this.#pad.undo();
    this.#changed(0);
  }

  #startOver() {
    this.#reader.cancel();
    this.#take(new Sheet());
    this.#show(this.#nothingYet);
    this.#changed(0);
  }

  /** @param {Sheet} sheet */
  #take(sheet) {
    this.#sheet = sheet;
    this.#pad.drawing = sheet.drawing;
  }

  /**
   * Bring everything in line with what is on the paper.
   *
   * @param {number} pause milliseconds to wait before it is read
   */
  #changed(pause) {
    const { drawing, isFinished } = this.#sheet;
    this.#undo.disabled = drawing.isEmpty || isFinished;
    this.#clear.disabled = drawing.isEmpty;
    element("hint").hidden = !drawing.isEmpty;
    element("next").hidden = !isFinished;
    element("paper").classList.toggle("is-finished", isFinished);
    this.#store();
    const isToRead = !drawing.isEmpty && !isFinished;
    this.#isCurrent = !isToRead;
    if (isToRead) return this.#reader.ask(pause);
    this.#reader.cancel();
    if (drawing.isEmpty) this.#show(this.#nothingYet);
  }

  async #read() {
    const sheet = this.#sheet;
    const drawn = { strokes: sheet.drawing, ...sheet.drawing.size, replaces: sheet.answerId };
    try {
      const html = await postForFragment(location.pathname, JSON.stringify(drawn));
      if (sheet === this.#sheet && !sheet.drawing.isEmpty) this.#takeAnswer(html);
      hideProblem();
    } catch (error) {
      showProblem(error, () => this.#reader.ask());
    }
  }

  /** @param {string} html */
  #takeAnswer(html) {
    const fragment = this.#show(html);
    this.#sheet.answerId = fragment.dataset.submission ?? this.#sheet.answerId;
    this.#isCurrent = !this.#reader.isWanted;
    this.#store();
    announce(fragment);
  }

  /** @param {string} html */
  #show(html) {
    const fragment = parse(html);
    this.#answer.replaceChildren(fragment);
    const { width, height } = this.#sheet.drawing.size;
    this.#boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawBoxes(this.#boxes, fragment);
    return fragment;
  }

  /**
   * Who corrects while the newest strokes are not read yet means those: the label goes to the
   * answer that is coming.
   *
   * @param {SubmitEvent} event
   */
  async #correctNewest(event) {
    if (this.#isCurrent) return;
    event.preventDefault();
    event.stopPropagation();
    const label = event.submitter?.getAttribute("value");
    if (!this.#reader.isBusy) this.#reader.ask();
    await this.#reader.settled();
    if (!this.#isCurrent) return;
    const button = this.#answer.querySelector(`.keypad [value="${label}"]`);
    if (button instanceof HTMLElement) button.click();
  }

  #finish() {
    this.#sheet.isFinished = true;
    this.#changed(0);
  }

  #store() {
    const { drawing, answerId, isFinished } = this.#sheet;
    if (drawing.isEmpty || isFinished) return sessionStorage.removeItem(STORE);
    sessionStorage.setItem(STORE, JSON.stringify({ drawing, size: drawing.size, answerId }));
  }
}

/** Return the sheet that was on the page before it was loaded anew, else an empty one. */
function storedSheet() {
  const stored = sessionStorage.getItem(STORE);
  if (!stored) return new Sheet();
  const { drawing, size, answerId } = JSON.parse(stored);
  const sheet = new Sheet(new Drawing(drawing, size));
  sheet.answerId = answerId;
  return sheet;
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

new DrawPage().start();
