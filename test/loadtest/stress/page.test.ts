/** The page of a report, in a real browser: it draws what the report says, and needs nothing beside itself. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type Browser, launch, type Page } from 'puppeteer-core';
import { parseFlags } from '../../../loadtest/stress/flags.ts';
import { Durations } from '../../../loadtest/stress/histograms.ts';
import type { PhaseResult, WorkerResult } from '../../../loadtest/stress/messages.ts';
import { pageOf } from '../../../loadtest/stress/page/page.ts';
import { reportOf, type StressReport } from '../../../loadtest/stress/report.ts';
import type { SecondPoint } from '../../../loadtest/stress/series.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const BROWSER_MS_MAX = 60_000;
const SECONDS = 30;
/** Of these, one had no arrivals. */
const GAPS = 1;
const HOSTILE = '<img src="https://evil.example/x" onerror="alert(1)">&"\'';
const TIME_CHARTS = ['latency', 'throughput', 'connected', 'cpu', 'memory'];

function pointOf(second: number): SecondPoint {
  const isGap = second === 12;
  return {
    second,
    phase: second < 10 ? 'steady' : 'burst',
    ...{ due: 100, sent: 100, answered: 99, arrived: 98, errors: 0 },
    ...{ connected: 50, inFlight: 3, backlogMs: 0, lost: 0, faults: 0 },
    p50Ms: isGap ? null : 1 + second / 10,
    p99Ms: isGap ? null : 10 + second,
    maxMs: isGap ? null : 100,
    rssMiB: 150 + second,
    cpuPercent: 20,
  };
}

function reportWith(series: readonly SecondPoint[]): StressReport {
  const { plan } = parseFlags(['--url', 'ws://127.0.0.1:1/', '--seed', '1']);
  const durations = new Durations();
  for (let ms = 1; ms <= 1000; ms++) durations.record(ms);
  const encoded = durations.encode();
  const phase: PhaseResult = {
    ...{ scenario: 'steady', secs: 30, due: 1000, sent: 1000, accepted: 1000, arrived: 1000 },
    ...{ unsent: 0, backlogMsMax: 0, fromDue: encoded, fromSend: encoded, answerFromDue: encoded },
  };
  const worker: WorkerResult = {
    faults: [{ fault: 'lost', count: 2, examples: [HOSTILE] }],
    notes: { repeats: 0, resent: 0, collapsed: 0, unjudged: 0 },
    statuses: { 200: 1000 },
    closeCodes: {},
    connectFailures: {},
    ...{ sessions: 50, redirects: 0, slowCloses: 0, stalePuts: 0 },
    ...{ liveAnswersWhileAway: 0, accepted: 1000, arrived: 998, readyTimes: encoded, rssMiB: 80 },
  };
  return reportOf(plan, {
    ...{ startedAt: new Date(0), tookSecs: 30, interrupted: false },
    ...{ phases: [[phase]], workers: [worker], series },
  });
}

describe('stress report page', function () {
  this.timeout(BROWSER_MS_MAX);
  const report = reportWith(Array.from({ length: SECONDS }, (_, second) => pointOf(second)));
  let folder: TemporaryFolder;
  const said: string[] = [];
  const requested: string[] = [];
  let browser: Browser;
  let page: Page;
  let screenshotPath: string;

  before(async () => {
    folder = await makeTemporaryFolder();
    const path = join(folder.path, 'report.html');
    screenshotPath = join(folder.path, 'report.png');
    await writeFile(path, pageOf(report));
    browser = await launch({
      executablePath: '/usr/bin/chromium',
      userDataDir: join(folder.path, 'profile'),
      timeout: BROWSER_MS_MAX,
      // Without a network; root may not sandbox.
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
    page = await browser.newPage();
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => requested.push(request.url()));
    await page.setViewport({ width: 1200, height: 900 });
    await page.goto(pathToFileURL(path).href);
  });
  after(async () => {
    await browser?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  /** An attribute of each element that matches. */
  function attributes(selector: string, name: string): Promise<readonly (string | null)[]> {
    return page.$$eval(
      selector,
      (elements, attribute) => elements.map((element) => element.getAttribute(attribute)),
      name,
    );
  }

  it('opens without a word on the console and asks for nothing but itself', async () => {
    await page.screenshot({ path: screenshotPath as `${string}.png`, fullPage: true });
    expect(said).to.deep.equal([]);
    expect(requested).to.have.lengthOf(1);
  });

  for (const id of TIME_CHARTS) {
    it(`draws each second of the ${id} chart`, async () => {
      const counts = await attributes(`#${id} path`, 'data-points');
      const paths = await attributes(`#${id} path`, 'd');
      const expected = id === 'latency' ? SECONDS - GAPS : SECONDS;
      expect(new Set(counts)).to.deep.equal(new Set([`${expected}`]));
      for (const path of paths) expect(path?.match(/[ML]/g)).to.have.lengthOf(expected);
      expect(await page.$$(`#${id} tbody tr`)).to.have.lengthOf(SECONDS);
    });
  }

  it('draws each point of the percentiles and each bar of the histogram', async () => {
    const { curve, bins } = report.latency.fromDue;
    const points = await attributes('#percentiles path', 'data-points');
    expect(points).to.deep.equal([`${curve.length}`, `${curve.length}`]);
    expect(await page.$$('#histogram .bar')).to.have.lengthOf(bins.length);
  });

  it('keeps every mark within its chart', async () => {
    const strays = await page.$$eval('.plot svg', (charts) =>
      charts.flatMap((chart) => {
        const outer = chart.getBoundingClientRect();
        return [...chart.querySelectorAll('path, .bar, text')].filter((mark) => {
          const inner = mark.getBoundingClientRect();
          return inner.left < outer.left - 1 || inner.right > outer.right + 1;
        });
      }),
    );
    expect(strays).to.have.lengthOf(0);
  });

  it('names each chart and its axes, and has its numbers as a table', async () => {
    const figures = await page.$$eval('figure.chart', (charts) =>
      charts.map((chart) => ({
        title: chart.querySelector('svg[role=img] > title')?.textContent,
        axes: chart.querySelectorAll('.name').length,
        tables: chart.querySelectorAll('table caption').length,
      })),
    );
    expect(figures).to.have.lengthOf(7);
    for (const { title, axes, tables } of figures) {
      expect(title).to.match(/\w/);
      expect({ axes, tables }).to.deep.equal({ axes: 2, tables: 1 });
    }
  });

  it('shows the numbers of a second under the pointer', async () => {
    const chart = await page.$('#latency .plot svg');
    await chart?.scrollIntoView();
    await chart?.hover();
    await page.waitForSelector('#latency .tip:not([hidden])');
    const tip = await page.$eval('#latency .tip', (output) => output.textContent);
    expect(tip).to.match(/^\d+ s\np50: [\d.]+\np99: \d+\nlongest: 100$/);
  });

  it('shows what a report says as text, whatever it is', async () => {
    expect(await page.$$('img')).to.have.lengthOf(0);
    expect(await page.$eval('#faults li', (item) => item.textContent)).to.equal(HOSTILE);
    expect(await page.$eval('.verdict strong', (word) => word.textContent)).to.equal('Failed');
  });

  it('is dark where the reader wants it dark', async () => {
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
    const light = await background();
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    expect(await background()).not.to.equal(light);
  });

  it('opens for a run of which nothing was measured', async () => {
    await page.setContent(pageOf(reportWith([])));
    expect(await page.$$('figure.chart')).to.have.lengthOf(5);
    expect(said).to.deep.equal([]);
  });
});
