/** One metric as the page declares it. */
export interface Family {
  readonly type: string;
  readonly help: string;
  /** Names of its labels, but for `le`, and the values that each has. */
  readonly labels: Map<string, ReadonlySet<string>>;
}

export interface Exposition {
  readonly families: ReadonlyMap<string, Family>;
  /** Values by name and labels as they are written: `reveille_puts_total{answer="stored"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

const HELP = /^# HELP (\w+) (.*)$/;
const TYPE = /^# TYPE (\w+) (\w+)$/;
const SAMPLE = /^(\w+)(\{.*\})? (\S+)$/;
const LABEL = /(\w+)="([^"]*)"/g;
const HISTOGRAM_SUFFIX = /_(?:bucket|sum|count)$/;

/** Reads a page in the text format of Prometheus. @throws Error at a line that is not of it. */
export function parseExposition(page: string): Exposition {
  const helps = new Map(declared(page, HELP));
  const families = new Map(
    declared(page, TYPE).map(([name, type]) => [
      name,
      { type, help: helps.get(name) ?? '', labels: new Map<string, Set<string>>() },
    ]),
  );
  const samples = new Map<string, number>();
  for (const line of page.split('\n')) {
    if (line === '' || HELP.test(line) || TYPE.test(line)) continue;
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    const family = families.get(name) ?? families.get(name.replace(HISTOGRAM_SUFFIX, ''));
    if (family === undefined) throw new Error(`not of the format, or of no metric: ${line}`);
    noteLabels(family.labels, labels);
    samples.set(name + labels, Number(value === '+Inf' ? Number.POSITIVE_INFINITY : value));
  }
  return { families, samples };
}

/** What the lines of one kind say, by the name of the metric. */
function declared(page: string, line: RegExp): readonly (readonly [string, string])[] {
  return [...page.matchAll(new RegExp(line, 'gm'))].map(([, name = '', said = '']) => [name, said]);
}

function noteLabels(known: Map<string, Set<string>>, labels: string): void {
  for (const [, label = '', value = ''] of labels.matchAll(LABEL)) {
    if (label === 'le') continue;
    known.set(label, (known.get(label) ?? new Set()).add(value));
  }
}
