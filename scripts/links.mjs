/**
 * A README for a page that is not in the repository: links that are relative there become absolute.
 *
 * @param {string} markdown
 * @param {string} base the address of the folder that the links are relative to, with a slash at its end
 */
export const absoluteLinks = (markdown, base) =>
  markdown.replaceAll(/(?<=\]\()(?![a-z]+:|#)[^)\s]+/g, (target) => new URL(target, base).href)
