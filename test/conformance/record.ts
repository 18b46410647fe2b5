// Loaded before every test file of the workspace: notes which tests that name an id have passed.
import { afterAll, beforeEach } from 'vitest'
import { writeRecord } from './records.js'
import { readTitle } from './title.js'

interface Task {
  readonly name: string
  readonly mode: string
  readonly result?: { readonly state: string } | undefined
  readonly tasks?: readonly Task[]
}

interface Result {
  readonly title: string
  readonly ran: boolean
  readonly passed: boolean
}

function results(task: Task, above: readonly string[]): Result[] {
  const path = [...above, task.name]
  return (
    task.tasks?.flatMap((child) => results(child, path)) ?? [
      { title: path.join(' › '), ran: task.mode === 'run', passed: task.result?.state === 'pass' },
    ]
  )
}

let file: { readonly filepath: string; readonly tasks: readonly Task[] } | undefined

beforeEach(({ task }) => {
  file = task.file
})

afterAll(() => {
  if (file === undefined) return
  const all = file.tasks.flatMap((task) => results(task, []))
  writeRecord(file.filepath, {
    whole: all.every((test) => test.ran),
    tests: all
      .filter((test) => test.ran && readTitle(test.title).ids.length > 0)
      .map(({ title, passed }) => ({ title, passed })),
  })
})
