// Style tags made at run time carry the nonce that the server put into this response.

/** The nonce of this page, empty under `npm run dev`. */
export function cspNonce(): string {
  const content = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
  return content.startsWith('__') ? '' : content;
}
