/** The report as one page of HTML that needs nothing beside itself. */
import { createHash } from 'node:crypto';
import type { StressReport } from '../report.ts';
import type { Finding } from '../verdict.ts';
import { SCRIPT, STYLE } from './assets.ts';
import { chartFigure } from './chart.ts';
import { chartsOf } from './charts.ts';
import { escapeText } from './escape.ts';
import { numberText } from './scale.ts';

/** Loads nothing and runs nothing but its own script and style, by their hashes. */
const CSP = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export function pageOf(report: StressReport): string {
  const { plan, verdict } = report;
  const word = verdict.passed ? 'Passed' : 'Failed';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeText(CSP)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(`${word}: stress of ${plan.url}`)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style></head>
<body><main>
<header><h1>Stress of ${escapeText(plan.url)}</h1>
<p class="dim">${escapeText(aboutText(report))}</p></header>
<section class="verdict ${verdict.passed ? 'passed' : 'failed'}" aria-label="Verdict"><strong>${word}</strong><p>${escapeText(sentence(verdict.summary))}</p></section>
${tiles(report)}
${faultsOf(verdict.faults)}${notesOf(verdict.notes)}
<h2>Course of the run</h2>
${chartsOf(report).map(chartFigure).join('\n')}
<h2>Scenarios</h2>
<div class="card wide">${phaseTable(report)}</div>
<h2>The load</h2>
<div class="card"><p>${report.load.map((line) => escapeText(line.trim())).join('<br>')}</p></div>
</main><script>${SCRIPT}</script></body></html>
`;
}

function aboutText({ startedAt, tookSecs, machine, interrupted }: StressReport): string {
  const { cpu, cpus, memoryGiB, kernel, node } = machine;
  const when = startedAt.replace('T', ' ').replace(/\..*/, ' UTC');
  const length = `${tookSecs.toFixed(0)} s${interrupted ? ', interrupted' : ''}`;
  return `${when}, ${length}. Client: ${cpus} × ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}.`;
}

function tiles({ totals, latency, verdict }: StressReport): string {
  const lost = verdict.faults
    .filter(({ fault }) => /^(?:lost|dropped)/.test(fault))
    .reduce((sum, { count }) => sum + count, 0);
  const parts = [
    ['PUTs accepted', numberText(totals.accepted)],
    ['versions delivered', numberText(totals.arrived)],
    ['lost', numberText(lost)],
    ['latency p50', `${numberText(latency.fromDue.summary.p50)} ms`],
    ['latency p99', `${numberText(latency.fromDue.summary.p99)} ms`],
    ['PUT answer p99', `${numberText(latency.answer.summary.p99)} ms`],
    ['device ready p99', `${numberText(latency.ready.summary.p99)} ms`],
    ['sessions', numberText(totals.sessions)],
  ];
  const cells = parts.map(
    ([name = '', value = '']) =>
      `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`,
  );
  return `<dl class="tiles">${cells.join('')}</dl>`;
}

function faultsOf(faults: readonly Finding[]): string {
  if (faults.length === 0) return '';
  const cards = faults.map(({ words, hint, examples }) => {
    const list = examples.map((example) => `<li>${escapeText(example)}</li>`).join('');
    const such =
      list === '' ? '' : `<details><summary>Examples</summary><ul>${list}</ul></details>`;
    return `<div class="card"><h3>${escapeText(sentence(words))}</h3><p class="dim">${escapeText(sentence(hint))}</p>${such}</div>`;
  });
  return `<section id="faults"><h2>Faults</h2>${cards.join('')}</section>`;
}

function notesOf(notes: readonly string[]): string {
  if (notes.length === 0) return '';
  const items = notes.map((note) => `<li>${escapeText(sentence(note))}</li>`).join('');
  return `<section id="notes"><h2>Notes</h2><div class="card"><p class="dim">Allowed, and worth knowing.</p><ul>${items}</ul></div></section>`;
}

const PHASE_HEADS = [
  'scenario',
  'PUTs',
  'delivered',
  'not sent in time',
  'longest backlog, ms',
  'p50 ms',
  'p99 ms',
  'longest, ms',
  'PUT answer p99 ms',
];

function phaseTable({ phases }: StressReport): string {
  const rows = phases.map((phase) => {
    const cells = [
      phase.sent,
      phase.arrived,
      phase.unsent,
      phase.backlogMsMax,
      phase.fromDue.p50,
      phase.fromDue.p99,
      phase.fromDue.max,
      phase.answer.p99,
    ];
    return `<tr><th scope="row">${escapeText(phase.scenario)}</th>${cells.map((cell) => `<td>${numberText(cell)}</td>`).join('')}</tr>`;
  });
  const heads = PHASE_HEADS.map((head) => `<th scope="col">${escapeText(head)}</th>`).join('');
  return `<table><thead><tr>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
