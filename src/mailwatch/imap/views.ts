import type { FolderView, MailResult } from '../mailbox.ts';

/** What the IMAP library says that the server said of a folder, checked: its numbers decide what is news. */
export function viewOf(answer: unknown): MailResult<FolderView> {
  const { uidValidity, uidNext, exists } = membersOf(answer);
  const validity = countOf(uidValidity);
  const next = countOf(uidNext);
  if (validity === undefined || next === undefined) {
    const detail = 'the server names no UIDVALIDITY or UIDNEXT';
    return { ok: false, failure: { kind: 'protocol', detail } };
  }
  return {
    ok: true,
    value: { uidValidity: validity, uidNext: next, exists: countOf(exists) ?? 0 },
  };
}

/** The library gives UIDVALIDITY as a bigint, though RFC 3501 has it in 32 bits. */
function countOf(value: unknown): number | undefined {
  const count = typeof value === 'bigint' ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
