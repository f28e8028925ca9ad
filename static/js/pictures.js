/**
 * What is made only when somebody asks for it: where a `details` is opened, a link in it that is
 * marked `data-picture` turns into the picture that it leads to. The mark holds its description.
 */
export function fetchPicturesOnOpening() {
  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (!(target instanceof HTMLDetailsElement) || !target.open) return;
      const link = target.querySelector("a[data-picture]");
      if (link instanceof HTMLAnchorElement) putPictureInPlace(link);
    },
    true, // A toggle does not bubble.
  );
}

/**
 * A picture that does not come leaves the link: following it says why.
 *
 * @param {HTMLAnchorElement} link
 */
function putPictureInPlace(link) {
  const picture = new Image(280, 280);
  picture.alt = link.dataset.picture ?? "";
  picture.addEventListener("error", () => picture.replaceWith(link));
  picture.src = link.href;
  link.replaceWith(picture);
}
