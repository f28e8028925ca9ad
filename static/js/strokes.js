/**
 * Pen strokes, the truth of a drawing: undo is a pop, and they can be drawn again at any size.
 *
 * @typedef {[x: number, y: number, milliseconds: number, pressure: number]} Point
 * x to the right and y down, in units of the paper; the time counts from the first point.
 * @typedef {Point[]} Stroke
 * @typedef {{width: number, height: number}} Size
 */

/** Height of the paper in its own units, whatever its size on the screen. */
export const PAPER_HEIGHT = 280;

/** A point nearer than this to the one before says nothing new; in the paper's units. */
export const LEAST_DISTANCE = 0.7;

/** What was drawn on one sheet. */
export class Drawing {
  /** @type {Stroke[]} */
  #strokes;

  /**
   * @param {Stroke[]} [strokes]
   * @param {Size} [size] of the paper that it was drawn on, in its own units
   */
  constructor(strokes = [], size = { width: PAPER_HEIGHT, height: PAPER_HEIGHT }) {
    this.#strokes = strokes;
    this.size = size;
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  /** @returns {readonly Stroke[]} */
  get strokes() {
    return this.#strokes;
  }

  /** The stroke that is being drawn, or was drawn last. */
  get last() {
    return this.#strokes.at(-1);
  }

  /** @param {Point} point */
  begin(point) {
    this.#strokes.push([rounded(point)]);
  }

  /**
   * Go on with the last stroke.
   *
   * @param {Point} point
   * @returns {boolean} whether the point was far enough from the one before to be kept
   */
  extend(point) {
    const before = this.last?.at(-1);
    if (!before || distance(before, point) < LEAST_DISTANCE) return false;
    this.last?.push(rounded(point));
    return true;
  }

  /** Take the last stroke away. */
  undo() {
    this.#strokes.pop();
  }

  toJSON() {
    return this.#strokes;
  }
}

/**
 * @param {Point} from
 * @param {Point} to
 */
function distance(from, to) {
  return Math.hypot(to[0] - from[0], to[1] - from[1]);
}

/**
 * Two decimals are finer than any screen, and a third of the bytes.
 *
 * @param {Point} point
 * @returns {Point}
 */
function rounded([x, y, milliseconds, pressure]) {
  return [hundredths(x), hundredths(y), Math.round(milliseconds), hundredths(pressure)];
}

/** @param {number} value */
function hundredths(value) {
  return Math.round(value * 100) / 100;
}
