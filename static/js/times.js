const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/**
 * Show the moments in `root`, which pages give in UTC, in the reader's own time.
 *
 * @param {ParentNode} root
 */
export function localise(root) {
  for (const element of root.querySelectorAll("time")) {
    element.textContent = format.format(new Date(element.dateTime));
  }
}
