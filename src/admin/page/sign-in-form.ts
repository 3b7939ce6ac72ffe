/** Places in `sign-in.html` that are filled here. */
const TO = '%TO%';
const MESSAGE = '%MESSAGE%';

/** Returns the form that asks for the token, and then leads to `to`. `message`: why the last try failed; may be empty. */
export function signInForm(html: string, to: string, message: string): string {
  return html.replaceAll(TO, () => escaped(pageAddress(to))).replaceAll(MESSAGE, () => escaped(message));
}

/** Returns an address of the page itself, or `/`: a sign-in leads nowhere else. */
export function pageAddress(to: string): string {
  return /^\/(?:dashboard)?(?:\?[\x21-\x7e]*)?$/.test(to) ? to : '/';
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}
