/** One metric as the page declares it. */
export interface Family {
  readonly type: string;
  readonly help: string;
  /** Names of its labels, but for `le`, and the values that each has. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
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
  const helps = new Map<string, string>();
  const families = new Map<string, Family & { labels: Map<string, Set<string>> }>();
  const samples = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, helped, help = ''] = HELP.exec(line) ?? [];
    const [, typed, type = ''] = TYPE.exec(line) ?? [];
    const [, sampled, labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (helped !== undefined) helps.set(helped, help);
    else if (typed !== undefined) {
      families.set(typed, { type, help: helps.get(typed) ?? '', labels: new Map() });
    } else if (sampled !== undefined) {
      const family = families.get(sampled) ?? families.get(sampled.replace(HISTOGRAM_SUFFIX, ''));
      if (family === undefined) throw new Error(`a sample of no metric: ${line}`);
      noteLabels(family.labels, labels);
      samples.set(sampled + labels, Number(value === '+Inf' ? Number.POSITIVE_INFINITY : value));
    } else if (line !== '') throw new Error(`not of the format: ${line}`);
  }
  return { families, samples };
}

function noteLabels(known: Map<string, Set<string>>, labels: string): void {
  for (const [, label = '', value = ''] of labels.matchAll(LABEL)) {
    if (label === 'le') continue;
    known.set(label, (known.get(label) ?? new Set()).add(value));
  }
}
