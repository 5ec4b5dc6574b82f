/** Calls a function again and again while the tab is visible, at the pace that it asks for. */

/** Pauses in seconds. */
const SHORTEST = 0.5;
const AFTER_ERROR = 5;
const LONGEST = 300;

export class Poll {
  #read;
  #failed;
  #timer = null;
  #round = 0;
  #isSoon = false;

  /**
   * @param {function(function(): boolean): Promise<?number>} read makes one request. It returns the
   *   pause in seconds until the next one; null: there is no next one. After the request it must
   *   ask its argument whether its result is still wanted.
   * @param {function(Error)} failed is called if it throws. The polling goes on, unless this
   *   function stops it.
   */
  constructor(read, failed) {
    this.#read = read;
    this.#failed = failed;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#timer !== null) this.now();
    });
  }

  /** Reads at once, and then continues. */
  async now() {
    this.stop();
    const round = this.#round;
    const wanted = () => round === this.#round;
    let pause;
    try {
      pause = await this.#read(wanted);
    } catch (error) {
      if (!wanted()) return;
      pause = error.retryAfter ?? AFTER_ERROR;
      this.#failed(error);
    }
    if (wanted() && pause !== null) this.#wait(this.#isSoon ? SHORTEST : pause);
  }

  /** Shortens the current pause, or the next one while a request is on its way. */
  soon() {
    if (this.#timer !== null && !this.#isSoon) this.#wait(SHORTEST);
    this.#isSoon = true;
  }

  /** Ends the polling. */
  stop() {
    this.#round += 1;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#isSoon = false;
  }

  #wait(pause) {
    clearTimeout(this.#timer);
    // The timer of a hidden tab stays set, so that it reads as soon as somebody looks.
    this.#timer = setTimeout(() => {
      if (!document.hidden) this.now();
    }, Math.min(Math.max(pause, SHORTEST), LONGEST) * 1000);
  }
}
