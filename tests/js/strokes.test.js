import assert from "node:assert/strict";
import { test } from "node:test";
import { Drawing, LEAST_DISTANCE } from "../../static/js/strokes.js";

test("a new drawing is empty", () => {
  assert.equal(new Drawing().isEmpty, true);
  assert.equal(JSON.stringify(new Drawing()), "[]");
});

test("a stroke grows by the points that lie apart", () => {
  const drawing = new Drawing();
  drawing.begin([10, 10, 0, 0.5]);

  assert.equal(drawing.extend([10 + LEAST_DISTANCE / 2, 10, 4, 0.5]), false);
  assert.equal(drawing.extend([12, 10, 8, 0.5]), true);
  assert.deepEqual(drawing.last, [
    [10, 10, 0, 0.5],
    [12, 10, 8, 0.5],
  ]);
});

test("a drawing without a stroke has nothing to extend", () => {
  assert.equal(new Drawing().extend([1, 1, 0, 0.5]), false);
});

test("undo takes the last stroke away", () => {
  const drawing = new Drawing();
  drawing.begin([1, 1, 0, 0.5]);
  drawing.begin([5, 5, 9, 0.5]);
  drawing.undo();

  assert.deepEqual(drawing.strokes, [[[1, 1, 0, 0.5]]]);
  drawing.undo();
  drawing.undo();
  assert.equal(drawing.isEmpty, true);
});

test("points are sent with two decimals and whole milliseconds", () => {
  const drawing = new Drawing();
  drawing.begin([1.23456, 200.999, 16.66, 0.123456]);

  assert.equal(JSON.stringify(drawing), "[[[1.23,201,17,0.12]]]");
});

test("a drawing is taken up again from what was stored", () => {
  const drawing = new Drawing();
  drawing.begin([1, 2, 0, 0.5]);
  const again = new Drawing(JSON.parse(JSON.stringify(drawing)));

  assert.deepEqual(again.strokes, drawing.strokes);
});
