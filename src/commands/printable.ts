/** Text from outside as it may stand on a terminal: control characters, which could command it, become their escapes. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => {
    const hex = control.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${hex}`;
  });
}
