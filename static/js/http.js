/** Something went wrong that a person can be told about; the message is a whole sentence. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {number} status what the site answered, 0 where it did not
   */
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT_MILLISECONDS = 30_000;

/** Files take as long as the network does: 200 MB at 3 Mbit a second. */
const UPLOAD_TIMEOUT_MILLISECONDS = 600_000;
const OFFLINE =
  "The connection to the site is lost. What you drew or chose is still here; try again when it is back.";

/**
 * Post to a page of this site and return the fragment that it answers with.
 *
 * A 400 may mean that the session of this page has ended meanwhile: it is tried once more with a
 * fresh token.
 *
 * @param {string} url
 * @param {FormData | string} body a string is JSON
 * @returns {Promise<string>}
 * @throws {Problem}
 */
export async function postForFragment(url, body) {
  if (body instanceof FormData) body.delete("csrf_token");
  let response = await send(url, body);
  if (response.status === 400 && (await renewToken())) response = await send(url, body);
  if (!response.ok) throw new Problem(await sentence(response), response.status);
  const html = await response.text();
  return isWholePage(html) ? goTo(response.url) : html;
}

/**
 * Whether the site wants the person on another page, such as that to sign in.
 *
 * @param {string} html
 */
function isWholePage(html) {
  return /^\s*<!doctype/i.test(html);
}

/**
 * @param {string} url
 * @returns {Promise<never>} the page ends meanwhile
 */
function goTo(url) {
  location.assign(url);
  return new Promise(() => {});
}

/**
 * @param {string} url
 * @param {FormData | string} body
 */
async function send(url, body) {
  const headers = new Headers({ "X-Fragment": "yes", "X-CSRFToken": tokenOf(document) });
  if (typeof body === "string") headers.set("Content-Type", "application/json");
  try {
    const signal = AbortSignal.timeout(
      hasFile(body) ? UPLOAD_TIMEOUT_MILLISECONDS : TIMEOUT_MILLISECONDS,
    );
    return await fetch(url, { method: "POST", headers, body, signal });
  } catch {
    throw new Problem(OFFLINE);
  }
}

/** @param {FormData | string} body */
function hasFile(body) {
  return body instanceof FormData && [...body.values()].some((value) => value instanceof File);
}

/** @param {Document} page */
function tokenOf(page) {
  return page.querySelector("meta[name=csrf-token]")?.getAttribute("content") ?? "";
}

/** @returns {Promise<boolean>} whether there is a token that may do better */
async function renewToken() {
  try {
    const page = await (await fetch(location.pathname)).text();
    const token = tokenOf(new DOMParser().parseFromString(page, "text/html"));
    document.querySelector("meta[name=csrf-token]")?.setAttribute("content", token);
    return token !== "";
  } catch {
    return false;
  }
}

/** @param {Response} response */
async function sentence(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `The site answered with error ${response.status}. Try again in a little while.`;
  }
}
