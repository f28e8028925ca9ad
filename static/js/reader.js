/**
 * Sends what is newest, one request at a time.
 *
 * Asking while a request is under way leads to one more after it, however often one asks; what
 * is sent is what is there at the moment of sending.
 */
export class Reader {
  /** @type {() => Promise<void>} */
  #send;
  #isSending = false;
  #isWanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {() => Promise<void>} send sends what is there now; must not reject */
  constructor(send) {
    this.#send = send;
  }

  /** Whether a request is under way or about to be made. */
  get isBusy() {
    return this.#isSending || this.#isWanted;
  }

  /** Whether one more sending was asked for. */
  get isWanted() {
    return this.#isWanted;
  }

  /**
   * Ask for one more sending.
   *
   * @param {number} [delay] milliseconds to wait for what else may come
   */
  ask(delay = 0) {
    this.#isWanted = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), delay);
  }

  /** Forget what was asked for and not sent yet. */
  cancel() {
    clearTimeout(this.#timer);
    this.#isWanted = false;
    this.#settle();
  }

  /**
   * Wait until nothing is under way or asked for; what waits for its delay is sent at once.
   *
   * @returns {Promise<void>}
   */
  settled() {
    if (!this.isBusy) return Promise.resolve();
    if (this.#isWanted) this.ask();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #run() {
    if (this.#isSending) return;
    this.#isSending = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#send();
    }
    this.#isSending = false;
    this.#settle();
  }

  #settle() {
    if (this.isBusy) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
