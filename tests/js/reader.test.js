import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../static/js/reader.js";

/** A sender whose requests end when the test says so. */
class Sender {
  sent = 0;
  #ends = [];

  send = () => {
    this.sent += 1;
    return new Promise((resolve) => this.#ends.push(resolve));
  };

  async end() {
    this.#ends.shift()();
    await moment();
  }
}

/** @param {number} [milliseconds] */
function moment(milliseconds = 5) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("asking sends once", async () => {
  const sender = new Sender();
  const reader = new Reader(sender.send);
  reader.ask();
  assert.equal(reader.isBusy, true);
  await moment();
  await sender.end();

  assert.equal(sender.sent, 1);
  assert.equal(reader.isBusy, false);
});

test("what is asked during the delay is sent once", async () => {
  const sender = new Sender();
  const reader = new Reader(sender.send);
  reader.ask(20);
  await moment(10);
  reader.ask(20);
  await moment(15);
  assert.equal(sender.sent, 0);
  await moment(20);

  assert.equal(sender.sent, 1);
});

test("however often one asks meanwhile, one more is sent after the one under way", async () => {
  const sender = new Sender();
  const reader = new Reader(sender.send);
  reader.ask();
  await moment();
  for (let times = 0; times < 5; times++) reader.ask();
  await moment();
  assert.equal(sender.sent, 1);
  assert.equal(reader.isWanted, true);

  await sender.end();
  assert.equal(sender.sent, 2);
  await sender.end();
  assert.equal(sender.sent, 2);
});

test("what was cancelled is not sent", async () => {
  const sender = new Sender();
  const reader = new Reader(sender.send);
  reader.ask(5);
  reader.cancel();
  await moment(20);

  assert.equal(sender.sent, 0);
  assert.equal(reader.isBusy, false);
});

test("settling waits for the newest and does not wait out its delay", async () => {
  const sender = new Sender();
  const reader = new Reader(sender.send);
  let isSettled = false;
  reader.ask(10_000);
  const settled = reader.settled().then(() => {
    isSettled = true;
  });
  await moment();
  assert.equal(sender.sent, 1);
  assert.equal(isSettled, false);

  await sender.end();
  await settled;
  assert.equal(isSettled, true);
});

test("settling with nothing under way is immediate", async () => {
  await new Reader(async () => {}).settled();
});
