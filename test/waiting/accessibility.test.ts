import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe, { type AxeResults, type RunOptions } from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executablePath, screenshots } from './chromium.js'
import { languages, pages, servePages } from './pages.js'

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const byTags: RunOptions = {
  runOnly: { type: 'tag', values: tags },
  rules: { 'target-size': { enabled: true } },
}
const byColours: RunOptions = { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } }

/** What is wrong with a page, by the names of the rules; also where no program can tell. */
async function faultsOf(page: Page, options = byTags): Promise<string[]> {
  await page.evaluate(`globalThis.axe ?? ${axe.source}`)
  const run = `axe.run(document, ${JSON.stringify(options)})`
  const { violations, incomplete, passes } = await page.evaluate<AxeResults>(run)
  expect([passes.length, violations.length]).not.toEqual([0, 0])
  return [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}

// Text, since this program has no types of a browser.
const tooWide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
const smallTargets = `[...document.querySelectorAll('a, button, input:not([type=hidden])')]
  .filter((each) => each.getBoundingClientRect().height < 44 || each.getBoundingClientRect().width < 44)
  .map((each) => each.outerHTML)`
const sizeOfHeading = `parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)`
const outlineOfFocus = `(() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
  return [document.activeElement.localName, outlineStyle, outlineWidth]
})()`

describe.runIf(executablePath !== undefined)('the pages, for whoever reads them', () => {
  let served: Awaited<ReturnType<typeof servePages>>
  let browser: Browser
  let longSighted: Browser
  beforeAll(async () => {
    mkdirSync(screenshots, { recursive: true })
    served = await servePages()
    const launch = (...args: string[]) =>
      chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox', ...args] })
    browser = await launch()
    longSighted = await launch('--blink-settings=defaultFontSize=32,defaultFixedFontSize=26')
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await longSighted.close()
    served.close()
  })

  /** Opens pages on a phone, one after the other. */
  async function onPhone(
    { locale, reader = browser, width = 375 }: { locale: string; reader?: Browser; width?: number },
    names: readonly string[],
    look: (page: Page, name: string) => Promise<void>,
  ): Promise<void> {
    const context = await reader.newContext({ locale, viewport: { width, height: 740 } })
    try {
      const page = await context.newPage()
      for (const name of names) {
        await page.goto(`${served.origin}/${name}`)
        expect(await page.evaluate('document.documentElement.lang')).toBe(locale)
        await look(page, name)
      }
    } finally {
      await context.close()
    }
  }
  const picture = (page: Page, ...name: string[]) =>
    page.screenshot({ path: join(screenshots, `page-${name.join('-')}.png`), fullPage: true })

  it.each(languages)(
    'have no fault that a program can find, light and dark [language %s]',
    (language) =>
      onPhone({ locale: language }, Object.keys(pages), async (page, name) => {
        expect([name, await faultsOf(page)]).toEqual([name, []])
        await picture(page, name, language, 'light')
        await page.emulateMedia({ colorScheme: 'dark' })
        expect([name, 'dark', await faultsOf(page, byColours)]).toEqual([name, 'dark', []])
        await picture(page, name, language, 'dark')
        await page.emulateMedia({ colorScheme: 'light' })
      }),
    120_000,
  )

  it.each(languages)(
    'fit on the narrowest phone, with text of twice the size, and can be touched [language %s]',
    async (language) => {
      const sizes: number[] = []
      for (const reader of [browser, longSighted])
        await onPhone({ reader, locale: language, width: 320 }, Object.keys(pages), async (page, name) => {
          const found = [name, await page.evaluate(tooWide), await page.evaluate(smallTargets)]
          expect(found).toEqual([name, 0, []])
          sizes.push(await page.evaluate<number>(sizeOfHeading))
          if (reader === longSighted) await picture(page, name, language, 'large')
        })
      expect(new Set(sizes)).toEqual(new Set([24, 48]))
    },
    120_000,
  )

  it(
    'show where the keyboard is, and all there is to press, also in the colours of the system',
    () =>
      onPhone({ locale: 'en' }, ['session', 'code', 'problem'], async (page, name) => {
        await page.emulateMedia({ forcedColors: 'active' })
        // The colours are the browser's; axe takes the text to have ours all the same.
        const options = { ...byTags, rules: { 'color-contrast': { enabled: false } } }
        expect(await faultsOf(page, options)).toEqual([])
        await picture(page, name, 'forced')
        const count = await page.locator('a, button, input:not([type=hidden])').count()
        expect(count).toBeGreaterThan(0)
        for (let i = 0; i < count; i++) {
          await page.keyboard.press('Tab')
          expect(await page.evaluate(outlineOfFocus)).toEqual([
            expect.stringMatching(/^(?:a|button|input)$/),
            'solid',
            '3px',
          ])
        }
      }),
    60_000,
  )

  it('would be found at fault without any of what they need', () => {
    const harms: readonly (readonly [rule: string, name: string, harm: string])[] = [
      ['label-title-only', 'code', `document.querySelector('label').remove()`],
      ['button-name', 'session', `document.querySelector('button').textContent = ''`],
      ['html-has-lang', 'session', `document.documentElement.removeAttribute('lang')`],
      ['document-title', 'problem', `document.querySelector('title').remove()`],
      ['page-has-heading-one', 'approved', `document.querySelector('h1').remove()`],
      ['color-contrast', 'session', `document.querySelector('.note').style.color = '#bbb'`],
      [
        'meta-viewport',
        'session',
        `document.querySelector('meta[name=viewport]').content += ', user-scalable=no'`,
      ],
    ]
    return onPhone({ locale: 'en' }, ['code'], async (page) => {
      for (const [rule, name, harm] of harms) {
        await page.goto(`${served.origin}/${name}`)
        const options: RunOptions = { runOnly: { type: 'rule', values: [rule] } }
        expect([rule, await faultsOf(page, options)]).toEqual([rule, []])
        await page.evaluate(harm)
        expect(await faultsOf(page, options)).toEqual([expect.stringContaining(`${rule}: `)])
      }
    })
  }, 60_000)
})
