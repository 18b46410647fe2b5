import type { ContentView } from '../pending/content-view.js'
import { escapeHtml as e, escapeLines, type PageView } from './view.js'

/** The built-in page: no script, readable without styles, every control labelled. */
export function renderPage(view: PageView): string {
  const title = titles[view.page](view)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${e(title)} · ${e(view.site.name)}</title>
<style nonce="${e(view.nonce)}">${style}</style>
</head>
<body>
<main>
<header>${logo(view)}<p>${e(view.site.name)}</p></header>
<h1>${e(title)}</h1>
${bodies[view.page](view)}
</main>
</body>
</html>
`
}

/** One part of the page, as HTML. */
type Part = (view: PageView) => string

const titles: Readonly<Record<PageView['page'], Part>> = {
  consent: ({ site, use = 'approval' }) =>
    ({
      session: `Connect an agent to ${site.name}?`,
      approval: 'Let an agent do this once?',
      link: `Let agents use your account at ${site.name}?`,
    })[use],
  code: () => 'Enter the code from your agent',
  approved: () => 'You approved the request',
  declined: () => 'You declined the request',
  returned: () => 'Thank you',
  problem: () => 'This did not work',
}

const bodies: Readonly<Record<PageView['page'], Part>> = {
  consent: (view) => `${asks(view)}
${wants(view)}
${lasts(view)}
${signedIn(view)}
<p class="warning" id="warning">${warning(view)}</p>
<form method="post" action="${e(view.form?.action ?? '')}">
<input type="hidden" name="token" value="${e(view.form?.token ?? '')}">
<div class="choice">
<button name="decision" value="approve" aria-describedby="warning">Approve</button>
<button name="decision" value="decline" aria-describedby="warning">Decline</button>
</div>
</form>`,
  code: (view) => `<form method="get" action="${e(view.form?.action ?? '')}">
<label for="code">Code</label>
<input id="code" name="code" required autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="32" placeholder="ABCD-1234">
<button class="only">Continue</button>
</form>
<p class="note">Your agent shows you the code: eight letters and digits. Enter no code that somebody sent you.</p>`,
  approved: ({ use }) =>
    use === 'link'
      ? '<p role="status">Your account is connected, and your agent will go on by itself. You can close this page.</p>'
      : '<p role="status">Your agent will go on by itself. You can close this page.</p>',
  declined: () => '<p role="status">Nothing was shared and nothing was done. You can close this page.</p>',
  returned: () =>
    '<p role="status">Your agent will go on with what you decided. You can close this page.</p>',
  problem: (view) =>
    `<p role="alert">${e(view.problem?.message ?? '')}</p>\n${signedIn(view)}\n<p class="note">Code of this error: <code>${e(view.problem?.code ?? '')}</code></p>`,
}

function warning({ wants: what }: PageView): string {
  const yours =
    what?.link === undefined ? '' : ` and if ${host(what.link.personServer)} is your own person server`
  return `Approve only if you started this yourself, with an agent that you know${yours}. If in doubt, decline: then nothing happens.`
}

/** A server as people read it. */
function host(server: string): string {
  return `<strong>${e(server.replace(/^https:\/\//, ''))}</strong>`
}

function logo({ site }: PageView): string {
  return site.logo === undefined ? '' : `<img src="${e(site.logo)}" alt="" width="32" height="32">`
}

function asks({ asks: who }: PageView): string {
  if (who === undefined) return ''
  const party = host(who.party)
  return who.agent === undefined
    ? `<p>An agent of somebody at ${party} asks for this:</p>`
    : `<p>The agent <strong class="agent">${e(who.name ?? who.agent)}</strong> from ${party}<br><code class="agent">${e(who.agent)}</code>${helps(who.parentAgent)}</p>`
}

function helps(parent: string | undefined): string {
  return parent === undefined ? '' : `<br>It helps the agent <code class="agent">${e(parent)}</code>`
}

function wants({ wants: what, site }: PageView): string {
  if (what === undefined) return ''
  const items = what.scopes.map(
    ({ name, description }) => `<li>${e(description)} <code>${e(name)}</code></li>`,
  )
  if (what.call !== undefined)
    items.push(
      `<li>Carry out this call: <code>${e(what.call.method)} ${e(what.call.path)}</code>${content(what.call.content)}</li>`,
    )
  if (what.link !== undefined) items.push(linked(what.link, site.name))
  if (items.length === 0) items.push(`<li>Use ${e(site.name)} in your name</li>`)
  const description = what.description === undefined ? '' : `<p>${e(what.description)}</p>`
  return `<section aria-labelledby="wants">\n<h2 id="wants">It wants to</h2>\n${description}\n<ul>\n${items.join('\n')}\n</ul>\n</section>`
}

function linked({ personServer, person }: NonNullable<Wants['link']>, site: string): string {
  const named = person === undefined ? '' : ` <code>${e(person)}</code>`
  return `<li>Use your account at ${e(site)}, now and later, for the person${named} that ${host(personServer)} speaks for</li>`
}

type Wants = NonNullable<PageView['wants']>

function content(sent: ContentView | undefined): string {
  if (sent === undefined) return ''
  const { type, bytes, text, cut } = sent
  const about = `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}${type === '' ? '' : `, ${e(type)}`}`
  if (text === undefined) return `<p role="alert">It comes with content that cannot be shown (${about}).</p>`
  const warning = cut ? `<p role="alert">Only the beginning is shown; there is more (${about}).</p>` : ''
  return `\n<p>With this content <span class="note">(${about})</span>:</p>\n<pre>${escapeLines(text)}</pre>\n${warning}`
}

function lasts({ wants: what }: PageView): string {
  if (what === undefined) return ''
  const untilThen = what.link === undefined ? once : untilUndone
  const how = what.session === undefined ? untilThen : connected(what.session)
  return `<section aria-labelledby="lasts">\n<h2 id="lasts">For how long</h2>\n<p>${how}</p>\n</section>`
}

const once = 'Once. The agent has to ask again the next time.'

const untilUndone = 'Until you end it in your account.'

function connected({ unused, atMost }: { readonly unused: number; readonly atMost: number }): string {
  const most = inWords(atMost)
  return unused < atMost
    ? `It ends when the agent has not used it for ${inWords(unused)}, and after ${most} in any case.`
    : `It ends after ${most}.`
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** A span of time in the largest unit of which there are two, or exactly one; rounded up. */
function inWords(seconds: number): string {
  const [unit, size] = units.find(([, each]) => seconds >= 2 * each || seconds === each) ?? ['second', 1]
  const count = Math.ceil(seconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function signedIn({ user, signOut }: PageView): string {
  if (user === undefined) return ''
  const link = signOut === undefined ? '' : ` <a href="${e(signOut)}">Not you? Sign out</a>`
  return `<p class="note">Signed in as <strong>${e(user)}</strong>.${link}</p>`
}

const style = `
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--ground:#f3f4f6;--line:#d0d5dc;--soft:#59636e;--go:#0b6b3a;--goink:#fff;--warn:#b35900}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--paper:#1d2126;--ground:#121417;--line:#3a414a;--soft:#a3adb8;--go:#4cc38a;--goink:#06140c;--warn:#f0a040}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:30rem;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:.75rem}
header{display:flex;gap:.6rem;align-items:center;color:var(--soft);font-weight:600}
header p{margin:0}
h1{margin:.75rem 0 1.25rem;font-size:1.5rem;line-height:1.25}
h2{margin:1.25rem 0 .25rem;font-size:1rem}
p,ul{margin:.5rem 0}
section{margin-bottom:1.25rem}
ul{padding-left:1.25rem}
code{font-family:ui-monospace,monospace;font-size:.875em;color:var(--soft)}
.agent,code,pre{overflow-wrap:anywhere}
pre{white-space:pre-wrap;padding:.75rem;background:var(--ground);border-radius:.5rem;font:.875em/1.4 ui-monospace,monospace}
.warning{margin:1.25rem 0 0;padding:.75rem;border-left:4px solid var(--warn);background:var(--ground);border-radius:.25rem}
a{color:inherit}
.note{color:var(--soft);font-size:.9rem}
form{margin:1.25rem 0 0;display:grid;gap:.75rem}
.choice{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}
label{font-weight:600}
input:not([type=hidden]){width:100%;padding:.7rem;font:inherit;letter-spacing:.08em;color:inherit;background:transparent;border:1px solid var(--soft);border-radius:.5rem}
button{padding:.75rem 1rem;font:inherit;font-weight:600;color:inherit;background:transparent;border:1px solid var(--soft);border-radius:.5rem;cursor:pointer}
button.only{background:var(--go);border-color:var(--go);color:var(--goink)}
:focus-visible{outline:3px solid #4c8dff;outline-offset:2px}
@media (max-width:22rem){.choice{grid-template-columns:1fr}}
`
