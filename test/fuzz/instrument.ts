import ts from 'typescript59'

/** The name of what counts, as instrumented code knows it. */
export const counter = 'countersign.fuzz'

/** Puts a counter into every branch of a module, numbered from `first`: as text, so that nothing else of it changes. */
export function instrument(
  source: string,
  first: number,
): { readonly source: string; readonly count: number } {
  const file = ts.createSourceFile('module.js', source, ts.ScriptTarget.ESNext, true, ts.ScriptKind.JS)
  const inserts: { readonly at: number; readonly text: string; readonly closes: boolean }[] = []
  let next = first
  const insert = (at: number, text: string, closes = false): void => void inserts.push({ at, text, closes })
  const tick = (): string => `$seen[${next++}]++`
  const around = (node: ts.Node, open: string, close: string): void => {
    insert(node.getStart(file), open)
    visit(node)
    insert(node.end, close, true)
  }
  const expression = (node: ts.Node): void => around(node, `(${tick()}, (`, '))')
  const statement = (node: ts.Statement): void =>
    ts.isBlock(node) ? visit(node) : around(node, `{ ${tick()}; `, ' }')

  function visit(node: ts.Node): void {
    if (ts.isConditionalExpression(node)) {
      visit(node.condition)
      expression(node.whenTrue)
      expression(node.whenFalse)
    } else if (ts.isBinaryExpression(node) && isShort(node.operatorToken.kind)) {
      visit(node.left)
      expression(node.right)
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      for (const parameter of node.parameters) visit(parameter)
      expression(node.body)
    } else if (ts.isIfStatement(node)) {
      visit(node.expression)
      statement(node.thenStatement)
      if (node.elseStatement !== undefined) statement(node.elseStatement)
      else if (hasSiblings(node.parent)) insert(node.end, ` ${tick()};`, true)
    } else if (ts.isIterationStatement(node, false)) {
      ts.forEachChild(node, (child) => (child === node.statement ? statement(node.statement) : visit(child)))
    } else {
      if (ts.isBlock(node)) insert(node.getStart(file) + 1, ` ${tick()};`)
      if (ts.isCaseOrDefaultClause(node)) insert(node.statements.pos, ` ${tick()};`)
      ts.forEachChild(node, visit)
    }
  }
  visit(file)
  // Where one ends and another begins, the first is closed before.
  inserts.sort((a, b) => a.at - b.at || Number(b.closes) - Number(a.closes))
  let text = `const $seen = globalThis[Symbol.for('${counter}')].enter(${next}); `
  let done = 0
  for (const { at, text: more } of inserts) {
    text += source.slice(done, at) + more
    done = at
  }
  return { source: text + source.slice(done), count: next - first }
}

const isShort = (kind: ts.SyntaxKind): boolean =>
  kind === ts.SyntaxKind.AmpersandAmpersandToken ||
  kind === ts.SyntaxKind.BarBarToken ||
  kind === ts.SyntaxKind.QuestionQuestionToken

const hasSiblings = (node: ts.Node): boolean =>
  ts.isBlock(node) || ts.isSourceFile(node) || ts.isCaseOrDefaultClause(node)
