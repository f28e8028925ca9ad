/**
 * What belongs together in the answer to several digits: the reading, the tile of each, its panel
 * and its box on the picture. All of them name the digit that they belong to.
 */
export function followAnswers() {
  document.addEventListener("fragment", ({ target }) => {
    if (target instanceof HTMLElement && target.dataset.digit) takeCorrection(target);
  });
  document.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && target.matches(".tile-choice")) markChosen(document);
  });
  document.addEventListener("click", (event) => {
    const mark = /** @type {Element} */ (event.target).closest("[data-box-of], [data-mark-of]");
    if (mark) choose(mark.getAttribute("data-box-of") ?? mark.getAttribute("data-mark-of") ?? "");
  });
  // Whoever comes from a digit in a list wants that one.
  choose(location.hash.replace("#digit-", ""));
  markChosen(document);
}

/**
 * Let reading and tile say what a digit was corrected to.
 *
 * @param {HTMLElement} correction
 */
function takeCorrection({ dataset: { digit = "", mark = "", read } }) {
  for (const element of allOf("mark-of", digit)) {
    element.textContent = mark;
    element.classList.toggle("is-corrected", mark !== read);
    element.classList.remove("is-doubtful");
  }
}

/**
 * Show the panel of a digit.
 *
 * @param {string} digit
 */
function choose(digit) {
  const choice = document.getElementById(`choice-${digit}`);
  if (!(choice instanceof HTMLInputElement) || choice.checked) return;
  choice.click();
  choice.focus({ preventScroll: true });
}

/**
 * Mark the box of the digit whose panel is shown.
 *
 * @param {ParentNode} root
 */
function markChosen(root) {
  const chosen = document.querySelector(".tile-choice:checked")?.getAttribute("value");
  for (const box of root.querySelectorAll("[data-box-of]")) {
    box.classList.toggle("is-chosen", box.getAttribute("data-box-of") === chosen);
  }
}

/**
 * Draw a box around each digit of an answer.
 *
 * @param {SVGSVGElement} svg in the units of the drawing
 * @param {Element} [answer] without one nothing is drawn
 */
export function drawBoxes(svg, answer) {
  const articles = /** @type {HTMLElement[]} */ ([
    ...(answer?.querySelectorAll("article[data-box]") ?? []),
  ]);
  svg.replaceChildren(...articles.map(boxOf));
  markChosen(svg);
}

/** Room between ink and box, in the units of the drawing. */
const MARGIN = 8;

/** @param {HTMLElement} article */
function boxOf({ id, dataset }) {
  const [x = 0, y = 0, width = 0, height = 0] = (dataset.box ?? "").split(" ").map(Number);
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("class", "digit-box");
  rect.setAttribute("data-box-of", id.replace("digit-", ""));
  rect.setAttribute("rx", "6");
  const place = {
    x: x - MARGIN,
    y: y - MARGIN,
    width: width + 2 * MARGIN,
    height: height + 2 * MARGIN,
  };
  for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
  return rect;
}

/**
 * @param {string} name
 * @param {string} digit
 */
function allOf(name, digit) {
  return document.querySelectorAll(`[data-${name}="${CSS.escape(digit)}"]`);
}
