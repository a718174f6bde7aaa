/** Bytes and texts as people can read them, on one line. */

const SHOWN_CHARACTERS_MAX = 60;

/** Printable characters as they are, others escaped; what is long is cut and its length told. */
export function shownText(text: string): string {
  const whole = JSON.stringify(text).replaceAll(/[\u007f-\uffff]/g, escaped);
  if (whole.length <= SHOWN_CHARACTERS_MAX) return whole;
  return `${whole.slice(0, SHOWN_CHARACTERS_MAX)}… (${text.length} characters)`;
}

export function shownBytes(bytes: Buffer): string {
  const printable = bytes.every((byte) => (byte >= 32 && byte < 127) || byte === 13 || byte === 10);
  if (printable) return shownText(bytes.toString('latin1'));
  const hex = bytes.toString('hex', 0, SHOWN_CHARACTERS_MAX / 2);
  return `${hex}${bytes.length * 2 > hex.length ? '…' : ''} (${bytes.length} bytes)`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
