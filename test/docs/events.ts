import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript59'

const folder = new URL('../../packages/core/src/events/', import.meta.url)

/** The paths of the files that declare events, in the order of the page. */
export const eventFiles: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .sort()
  .map((name) => fileURLToPath(new URL(name, folder)))

const introduction = `# Events

<!-- Generated from packages/core/src/events by \`npx vitest run --project workspace docs/events -u\`. Do not edit. -->

Everything that \`onEvent\` is told, by name; each is a type of \`@countersign/core/events\`, and \`AAuthEvent\` is all of them.
What to watch, and how to get events into logs and metrics: [observability](observability.md). What to be woken by:
[operations](operations.md#what-to-alert-on).
`

/** The page of all events, from their declarations. */
export function eventsPage(): string {
  const statements = eventFiles.flatMap((path) => [
    ...ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true).statements,
  ])
  const declared = statements.filter(ts.isInterfaceDeclaration)
  const base = declared.find(({ name }) => name.text === 'EventBase') as ts.InterfaceDeclaration
  const events = declared.filter(({ name }) => name.text.endsWith('Event'))
  const others = statements.filter(
    (statement): statement is ts.InterfaceDeclaration | ts.TypeAliasDeclaration =>
      (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) &&
      events.some((event) => mentions(event, statement.name.text)),
  )
  return [
    introduction,
    '## What every event has',
    '',
    members(base),
    ...events.flatMap((event) => [
      `## ${namesOf(event)
        .map((name) => `\`${name}\``)
        .join(', ')}`,
      '',
      `${docOf(event)} Type \`${event.name.text}\`.`,
      '',
      ...(membersOf(event).length === 0 ? [] : [members(event)]),
    ]),
    '## What their members are',
    '',
    ...others.flatMap((type) => [`### \`${type.name.text}\``, '', ...definition(type), '']),
  ]
    .join('\n')
    .replace(/\n+$/, '\n')
}

/** The names by which an event is told. */
function namesOf(event: ts.InterfaceDeclaration): string[] {
  const name = event.members.find((member) => member.name?.getText() === 'name') as ts.PropertySignature
  return [...(name.type as ts.TypeNode).getText().matchAll(/'([^']+)'/g)].map(([, text]) => text as string)
}

function membersOf(event: ts.InterfaceDeclaration): readonly ts.PropertySignature[] {
  return event.members.filter(ts.isPropertySignature).filter(({ name }) => name.getText() !== 'name')
}

function members(event: ts.InterfaceDeclaration): string {
  const rows = membersOf(event).map((member) => {
    const type = (member.type?.getText() ?? '').replaceAll(/\s+/g, ' ').replace(/^\| /, '')
    const optional = member.questionToken === undefined ? '' : '?'
    return `| \`${member.name.getText()}${optional}\` | ${code(type)} | ${docOf(member)} |`
  })
  return ['| Member | Type | What it is |', '| --- | --- | --- |', ...rows, ''].join('\n')
}

function definition(type: ts.InterfaceDeclaration | ts.TypeAliasDeclaration): readonly string[] {
  const doc = docOf(type)
  return ts.isInterfaceDeclaration(type)
    ? [doc, '', members(type)]
    : [
        doc === '' ? '' : doc,
        '',
        code(type.type.getText().replaceAll(/\s+/g, ' ').replace(/^\| /, ''), false),
      ]
}

function mentions(event: ts.InterfaceDeclaration, name: string): boolean {
  return (
    name !== event.name.text &&
    membersOf(event).some(({ type }) => type !== undefined && words(type).has(name))
  )
}

const words = (type: ts.TypeNode): ReadonlySet<string> => new Set(type.getText().match(/\w+/g))

const code = (type: string, inTable = true): string => `\`${inTable ? type.replaceAll('|', '\\|') : type}\``

/** What is said of a declaration, in one line. */
function docOf(node: ts.Node): string {
  const [doc] = ts.getJSDocCommentsAndTags(node)
  const comment =
    doc === undefined || !('comment' in doc) ? '' : (ts.getTextOfJSDocComment(doc.comment) ?? '')
  return comment
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .trim()
}
