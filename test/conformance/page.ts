import { type CaseList, caseLists } from './cases.js'
import type { Part, Without } from './requirement.js'
import { parts } from './requirements.js'

/** Where the generated page is, from the root of the workspace. */
export const pagePath = 'docs/conformance.md'

const introduction = `# Conformance

<!-- Generated from test/conformance/requirements by \`npm run conformance -- --write\`. Do not edit. -->

What Countersign holds itself to, row by row: the AAuth draft (\`draft-hardt-oauth-aauth-protocol-11\`, ids R), the
Signature-Key draft (\`draft-hardt-httpbis-signature-key-09\`, ids K) and RFC 9421 (ids H). The wording is ours; the
sections are theirs.

A row marked **proved** is named by at least one test, and the suite fails when no *passing* test names it, when a
test names an id that does not exist, when a test that names it fails, or when tests over sockets show it through one
adapter and not through the other. SHOULD and MAY are treated like MUST: each is proved, or says here why it is not.
*Not ours* gives the reason; *pending* names the part that will bring the tests.

A test claims a row by having its id anywhere in its title or in the title of its suite.

Hostile requests have ids of their own in test titles: N and KN are the negative cases of the two drafts, HC those
found in other implementations. \`test/hostile\` sends them as bytes over a socket through every adapter and compares the
whole answer; the lists stand at the end of this page. Rulings (ids G) are in [rulings](rulings.md).

\`npm run conformance\` prints the table of this machine's run, \`npm run --silent conformance -- --json\` prints it for programs.
`

/** The page, from the manifest alone, so that it changes only when the manifest does. */
export function conformancePage(): string {
  return `${[introduction, overview(), ...parts.map(section), ...caseLists.map(caseSection)].join('\n')}`
}

function overview(): string {
  const lines = parts.map((part) => {
    const of = (status: string): number => part.rows.filter((row) => statusOf(row) === status).length
    return `| ${part.letter} | ${part.title} | ${part.rows.length} | ${of('proved')} | ${of('not ours')} | ${of('pending')} |`
  })
  return [
    '| part | about | rows | proved | not ours | pending |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

function section(part: Part): string {
  const lines = part.rows.map(
    (row) => `| ${row.id} | ${row.section} | ${row.level} | ${row.text} | ${statusOf(row)}${reasonOf(row)} |`,
  )
  return [
    `## ${part.letter}: ${part.title}`,
    '',
    '| id | section | level | requirement | status |',
    '|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

function caseSection({ title, cases }: CaseList): string {
  const lines = cases.map(
    (one) =>
      `| ${one.id} | ${cell(one.sent)} | ${cell(one.answer ?? '')} | ${statusOf(one)}${reasonOf(one)} |`,
  )
  return [`## ${title}`, '', '| id | case | answer | status |', '|---|---|---|---|', ...lines, ''].join('\n')
}

/** Text that Markdown does not take for something else. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*').replaceAll('_', '\\_')
}

function statusOf(row: Without): 'proved' | 'not ours' | 'pending' {
  if (row.notOurs !== undefined) return 'not ours'
  return row.pending === undefined ? 'proved' : 'pending'
}

function reasonOf(row: Without): string {
  if (row.notOurs !== undefined) return `: ${row.notOurs}`
  return row.pending === undefined ? '' : ` (${row.pending})`
}
