import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** Returns the serious and critical axe-core violations of the current page, one line each: rule and element. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run(document)');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
