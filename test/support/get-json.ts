/** What a GET of a JSON object brought. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Rejects when the answer is not JSON. */
export async function getJson(url: string): Promise<JsonAnswer> {
  const response = await fetch(url);
  return { status: response.status, body: JSON.parse(await response.text()) };
}
