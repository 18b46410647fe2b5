import type { ContentView } from '../pending/content-view.js'
import { fill, type MessageKey } from './messages.js'
import { style } from './page-style.js'
import { escapeHtml as e, escapeLines, escapeMarkup, type PageView } from './view.js'

/**
 * The built-in page: no script, readable without styles, every control labelled.
 *
 * @param untranslated sentences that are in English on a page of another language
 */
export function renderPage(view: PageView, untranslated: ReadonlySet<MessageKey> = none): string {
  const { language, direction, site } = view
  const page = { ...view, say: speaker(view, untranslated) }
  const title = titles[view.page](view)
  const name = escapeMarkup(site.name)
  return `<!doctype html>
<html lang="${e(language)}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeMarkup(fill(view.messages[title], { site: site.name }))} · ${name}</title>
<style nonce="${e(view.nonce)}">${style}</style>
</head>
<body>
<main>
<header>${logo(view)}<p><bdi>${name}</bdi></p></header>
<h1>${page.say(title, { site: `<bdi>${name}</bdi>` })}</h1>
${bodies[view.page](page)}
</main>
</body>
</html>
`
}

const none: ReadonlySet<MessageKey> = new Set()

/** A sentence as HTML; its values are HTML already. */
type Say = (key: MessageKey, values?: Readonly<Record<string, string>>) => string

function speaker({ messages }: PageView, untranslated: ReadonlySet<MessageKey>): Say {
  return (key, values = {}) => {
    const said = fill(escapeMarkup(messages[key]), values)
    return untranslated.has(key) ? `<span lang="en" dir="ltr">${said}</span>` : said
  }
}

/** The view, and a function that renders its sentences. */
type Page = PageView & { readonly say: Say }

/** One part of the page, as HTML. */
type Part = (page: Page) => string

const titles: Readonly<Record<PageView['page'], (view: PageView) => MessageKey>> = {
  consent: ({ use = 'approval' }) => uses[use].title,
  linked: () => 'titleLinked',
  code: () => 'titleCode',
  approved: () => 'titleApproved',
  declined: () => 'titleDeclined',
  returned: () => 'titleReturned',
  problem: () => 'titleProblem',
}

/** The sentences that depend on what the user decides about. */
const uses: Readonly<Record<NonNullable<PageView['use']>, { title: MessageKey; approved: MessageKey }>> = {
  session: { title: 'titleSession', approved: 'doneApproved' },
  approval: { title: 'titleApproval', approved: 'doneApproved' },
  link: { title: 'titleLink', approved: 'doneLinked' },
}

const bodies: Readonly<Record<PageView['page'], Part>> = {
  consent: (page) => `${asks(page)}
${wants(page)}
${lasts(page)}
${signedIn(page)}
${decision(page, 'approve', 'approve')}`,
  linked: (page) => `${alreadyLinked(page)}
${signedIn(page)}
${decision(page, 'continue', 'goOn')}`,
  code: ({ form, say }) => `<form method="get" action="${e(form?.action ?? '')}">
<label for="code">${say('code')}</label>
<p class="note" id="note">${say('codeNote')}</p>
<input id="code" name="code" required dir="ltr" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="32" placeholder="ABCD-1234" aria-describedby="note">
<button class="only">${say('goOn')}</button>
</form>`,
  approved: ({ say, use = 'approval' }) => `<p role="status">${say(uses[use].approved)}</p>`,
  declined: ({ say }) => `<p role="status">${say('doneDeclined')}</p>`,
  returned: ({ say }) => `<p role="status">${say('doneReturned')}</p>`,
  problem: (page) =>
    page.problem === undefined
      ? ''
      : `<p role="alert">${page.say(page.problem.key)}</p>
${refused(page)}
${signedIn(page)}
<p class="note">${page.say('problemCode', { code: code(page.problem.code) })}</p>`,
}

/** The form for a decision, and what to consider before it. @param yes the decision it sends, beside `decline` */
function decision(page: Page, yes: 'approve' | 'continue', label: MessageKey): string {
  const button = (value: string, key: MessageKey): string =>
    `<button name="decision" value="${value}" aria-describedby="warning">${page.say(key)}</button>`
  return `<p class="warning" id="warning">${warning(page)}</p>
<form method="post" action="${e(page.form?.action ?? '')}">
<input type="hidden" name="token" value="${e(page.form?.token ?? '')}">
<div class="choice">
${button(yes, label)}
${button('decline', 'decline')}
</div>
</form>`
}

function logo({ site }: PageView): string {
  return site.logo === undefined ? '' : `<img src="${e(site.logo)}" alt="" width="32" height="32">`
}

/** A technical text, which is written from left to right in every language. */
function code(text: string): string {
  return `<code dir="ltr">${e(text)}</code>`
}

/** A server as people read it. */
function host(server: string): string {
  return `<strong dir="ltr">${e(server.replace(/^https:\/\//, ''))}</strong>`
}

function asks({ asks: who, say }: Page): string {
  if (who === undefined) return ''
  const server = host(who.party)
  if (who.agent === undefined) return `<p>${say('asksSomebody', { server })}</p>`
  const agent = `<strong dir="ltr">${e(who.name ?? who.agent)}</strong>`
  const helps =
    who.parentAgent === undefined ? '' : `<br>${say('asksForAnother', { agent: code(who.parentAgent) })}`
  return `<p>${say('asksAgent', { agent, server })}<br>${code(who.agent)}${helps}</p>`
}

function wants(page: Page): string {
  const { wants: what, say } = page
  if (what === undefined) return ''
  const site = siteOf(page)
  const items = what.scopes.map(
    ({ name, description }) => `<bdi>${escapeMarkup(description)}</bdi> ${code(name)}`,
  )
  if (what.call !== undefined) {
    const { method, path, content } = what.call
    items.push(`${say('wantsCall', { call: code(`${method} ${path}`) })}${shown(content, page)}`)
  }
  if (what.link !== undefined) {
    const { person, personServer, tenant } = what.link
    items.push(say('wantsAccount', { site, server: host(personServer), person: code(person) }))
    if (tenant !== undefined) items.push(say('wantsTenant', { tenant: `<bdi>${e(tenant)}</bdi>` }))
  }
  if (items.length === 0) items.push(say('wantsSite', { site }))
  const description = what.description === undefined ? '' : `<p dir="auto">${e(what.description)}</p>`
  const list = items.map((item) => `<li>${item}</li>`).join('\n')
  return `<section aria-labelledby="wants">\n<h2 id="wants">${say('wants')}</h2>\n${description}\n<ul>\n${list}\n</ul>\n</section>`
}

/** Says only that the person has been linked meanwhile, not to whom. */
function alreadyLinked(page: Page): string {
  const link = page.wants?.link
  if (link === undefined) return ''
  const { personServer, person } = link
  const values = { person: code(person), server: host(personServer), site: siteOf(page) }
  return `<p role="status">${page.say('alreadyLinked', values)}</p>`
}

function refused({ refused: why, next, say }: Page): string {
  const reason = why === undefined ? '' : `<p dir="auto">${e(why)}</p>`
  return next === undefined ? reason : `${reason}<p><a href="${e(next)}">${say('goOn')}</a></p>`
}

function siteOf({ site }: PageView): string {
  return `<bdi>${escapeMarkup(site.name)}</bdi>`
}

function shown(sent: ContentView | undefined, { language, say }: Page): string {
  if (sent === undefined) return ''
  const { type, bytes, text, cut } = sent
  const size = `<bdi>${measure(language, bytes, 'byte')}${type === '' ? '' : `, ${e(type)}`}</bdi>`
  if (text === undefined) return `<p role="alert">${say('contentHidden', { size })}</p>`
  const warning = cut ? `<p role="alert">${say('contentCut', { size })}</p>` : ''
  return `\n<p>${say('contentShown', { size })}</p>\n<pre dir="ltr">${escapeLines(text)}</pre>\n${warning}`
}

function lasts(page: Page): string {
  if (page.wants === undefined) return ''
  return `<section aria-labelledby="lasts">\n<h2 id="lasts">${page.say('lasts')}</h2>\n<p>${howLong(page.wants, page)}</p>\n</section>`
}

function howLong(
  { session, link, lasting }: NonNullable<PageView['wants']>,
  { language, say }: Page,
): string {
  if (link !== undefined || lasting === true) return say('lastsUntilEnded')
  if (session === undefined) return say('lastsOnce')
  const most = inWords(session.atMost, language)
  return session.unused < session.atMost
    ? say('lastsUnused', { unused: inWords(session.unused, language), most })
    : say('lastsMost', { most })
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** A span of time in the largest unit that fits at least twice, or exactly once; rounded up. */
function inWords(seconds: number, language: string): string {
  const [unit, size] = units.find(([, each]) => seconds >= 2 * each || seconds === each) ?? ['second', 1]
  return `<bdi>${measure(language, Math.ceil(seconds / size), unit)}</bdi>`
}

function measure(language: string, count: number, unit: string): string {
  // With the direction marks that some languages use.
  return escapeMarkup(
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(count),
  )
}

function warning({ wants: what, say }: Page): string {
  return what?.link === undefined
    ? say('warning')
    : say('warningLink', { server: host(what.link.personServer) })
}

function signedIn({ user, signOut, say }: Page): string {
  if (user === undefined) return ''
  const link = signOut === undefined ? '' : ` <a href="${e(signOut)}">${say('signOut')}</a>`
  return `<p class="note">${say('signedIn', { user: `<strong dir="auto">${e(user)}</strong>` })}${link}</p>`
}
