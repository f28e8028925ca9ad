import { Drawing, PAPER_HEIGHT } from "./strokes.js";

/** @import { Point, Stroke } from "./strokes.js" */

/** Width of the pen in the paper's units at the pressure of a mouse. */
const PEN_WIDTH = 7.5;

/** What a mouse reports while its button is down. */
const USUAL_PRESSURE = 0.5;

/**
 * The paper on the screen: takes pointers in and draws strokes. Fires `padstart` before a stroke
 * begins and `padstroke` when one is finished.
 */
export class Pad extends EventTarget {
  #canvas;
  #context;
  #drawing = new Drawing();
  /** @type {number | null} */
  #pointer = null;
  #startedAt = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#listen();
  }

  get drawing() {
    return this.#drawing;
  }

  /** Show another drawing, and go on with that. */
  set drawing(drawing) {
    this.#drawing = drawing;
    this.#startedAt = 0;
    this.#fit();
    this.redraw();
  }

  get isDrawing() {
    return this.#pointer !== null;
  }

  undo() {
    this.#drawing.undo();
    this.redraw();
  }

  redraw() {
    const { width, height } = this.#canvas;
    this.#context.setTransform(1, 0, 0, 1, 0, 0);
    this.#context.clearRect(0, 0, width, height);
    const { size } = this.#drawing;
    const scale = Math.min(width / size.width, height / size.height);
    this.#context.scale(scale, scale);
    this.#context.strokeStyle = getComputedStyle(this.#canvas).color;
    this.#context.lineCap = "round";
    this.#context.lineJoin = "round";
    for (const stroke of this.#drawing.strokes) {
      for (let at = 0; at < stroke.length; at++) this.#drawSegment(stroke, at);
      this.#drawEnd(stroke);
    }
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#finish(event));
    canvas.addEventListener("pointercancel", (event) => this.#cancel(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** One canvas pixel for each pixel of the screen. */
  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    this.#fit();
    this.redraw();
  }

  /** An empty paper has the shape of the place it has; a drawing keeps that which it began on. */
  #fit() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    if (!this.#drawing.isEmpty || !height) return;
    const units = Math.round((PAPER_HEIGHT * width) / height);
    this.#drawing.size = { width: units, height: PAPER_HEIGHT };
  }

  /** @param {PointerEvent} event */
  #start(event) {
    if (this.isDrawing || event.button !== 0) return;
    event.preventDefault();
    this.dispatchEvent(new Event("padstart"));
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#startedAt ||= event.timeStamp;
    this.#drawing.begin(this.#point(event));
    this.#drawTail();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents();
    for (const part of events.length ? events : [event]) {
      if (this.#drawing.extend(this.#point(part))) this.#drawTail();
    }
  }

  /** @param {PointerEvent} event */
  #finish(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.dispatchEvent(new Event("padstroke"));
  }

  /**
   * The browser took the pointer away, say for a gesture: that was no stroke.
   *
   * @param {PointerEvent} event
   */
  #cancel(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.undo();
    this.dispatchEvent(new Event("padstroke"));
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point}
   */
  #point(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const { size } = this.#drawing;
    const scale = Math.min(width / size.width, height / size.height);
    const x = (event.clientX - left) / scale;
    const y = (event.clientY - top) / scale;
    return [x, y, event.timeStamp - this.#startedAt, event.pressure];
  }

  #drawTail() {
    const stroke = this.#drawing.last;
    if (!stroke) return;
    if (stroke.length > 1) this.#drawSegment(stroke, stroke.length - 2);
    this.#drawEnd(stroke);
  }

  /**
   * Draw the curve around one point, from halfway before it to halfway after it.
   *
   * @param {Stroke} stroke
   * @param {number} at
   */
  #drawSegment(stroke, at) {
    const point = stroke[at];
    const next = stroke[at + 1];
    if (!point || !next) return;
    const before = stroke[at - 1] ?? point;
    this.#context.lineWidth = penWidth(point);
    this.#context.beginPath();
    this.#context.moveTo((before[0] + point[0]) / 2, (before[1] + point[1]) / 2);
    this.#context.quadraticCurveTo(
      point[0],
      point[1],
      (point[0] + next[0]) / 2,
      (point[1] + next[1]) / 2,
    );
    this.#context.stroke();
  }

  /**
   * Draw from halfway before the last point to it; a dot where it is the only one.
   *
   * @param {Stroke} stroke
   */
  #drawEnd(stroke) {
    const point = stroke.at(-1);
    if (!point) return;
    const before = stroke.at(-2) ?? point;
    this.#context.lineWidth = penWidth(point);
    this.#context.beginPath();
    this.#context.moveTo((before[0] + point[0]) / 2, (before[1] + point[1]) / 2);
    this.#context.lineTo(point[0], point[1]);
    this.#context.stroke();
  }
}

/** @param {Point} point */
function penWidth([, , , pressure]) {
  return PEN_WIDTH * (0.6 + 0.4 * ((pressure || USUAL_PRESSURE) / USUAL_PRESSURE));
}
