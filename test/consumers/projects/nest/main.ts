// As `nest new` sets up an application: CommonJS, decorators, Express beneath.
import 'reflect-metadata'
import { deepStrictEqual, strictEqual } from 'node:assert'
import type { AddressInfo } from 'node:net'
import { createKey, createTown } from '@countersign/devkit'
import {
  type AAuthEvent,
  type AAuthRequest,
  aauth,
  type ExpressGuard,
  type Grant,
  type Person,
} from '@countersign/express'
import {
  Body,
  Controller,
  Get,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Post,
  Req,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'

let guard: ExpressGuard

@Controller('books')
class Books {
  @Get()
  read(@Req() request: AAuthRequest<Person | Grant>): { reader: string; of: string } {
    return { reader: request.aauth.kind, of: request.aauth.person.ps }
  }

  @Post()
  write(@Body() book: object): object {
    return { written: book }
  }
}

@Module({ controllers: [Books] })
class App implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(guard.require('person')).forRoutes(Books)
  }
}

/** Where Nest's own body parsers stand: nowhere, in front of everything, or there and keeping the bytes. */
const setups = [
  { bodyParser: false, status: 201, told: [] },
  { rawBody: true, status: 201, told: [] },
  { status: 401, told: ['AAUTH_CONTENT_CONSUMED'] },
]

async function serve({ status, told, ...options }: (typeof setups)[number]): Promise<void> {
  const town = await createTown()
  const seen: string[] = []
  guard = aauth({
    resource: 'https://books.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'books.read': 'Read' },
    fetch: town.fetch,
    clock: town.clock,
    onEvent: (event: AAuthEvent) => void (event.name === 'diagnostic' && seen.push(event.code)),
  })
  const app = await NestFactory.create<NestExpressApplication>(App, { logger: ['error'], ...options })
  app.use(guard.endpoints())
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  town.route('books.example', port)
  strictEqual((await fetch(`http://127.0.0.1:${port}/books`)).status, 401)
  const sam = town.agent('sam', { person: town.person('mom') })
  const answer = await sam.fetch('https://books.example/books')
  strictEqual(answer.status, 200)
  strictEqual(((await answer.json()) as { reader: string }).reader, 'person')
  // The devkit's agent covers the digest of what it sends.
  const written = await sam.fetch('https://books.example/books', {
    method: 'POST',
    headers: [['Content-Type', 'application/json']],
    body: '{ "title": "Emma" }',
  })
  strictEqual(written.status, status)
  if (status === 201 && options.bodyParser !== false)
    strictEqual(JSON.stringify(await written.json()), '{"written":{"title":"Emma"}}')
  const revoked = await town.ps.revoke(
    'a-token',
    Math.floor(town.clock() / 1000) + 600,
    'https://books.example',
  )
  strictEqual(revoked.outcome, 'recorded')
  deepStrictEqual(seen, told)
  await app.close()
  await town.close()
}

async function main(): Promise<void> {
  for (const setup of setups) await serve(setup)
  console.log('served')
}

main().catch((error: unknown) => {
  console.error(error)
  // Whatever was opened would keep the process, and nobody would hear of the error.
  process.exit(1)
})
