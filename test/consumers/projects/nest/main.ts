// As `nest new` sets up an application: CommonJS, decorators, Express beneath.
import 'reflect-metadata'
import { strictEqual } from 'node:assert'
import type { AddressInfo } from 'node:net'
import { createKey, createTown } from '@countersign/devkit'
import { aauth, type Caller, type ExpressGuard } from '@countersign/express'
import { Controller, Get, type MiddlewareConsumer, Module, type NestModule, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request } from 'express'

let guard: ExpressGuard

@Controller('books')
class Books {
  @Get()
  read(@Req() request: Request): { reader: string | undefined } {
    const caller: Caller | undefined = request.aauth
    return { reader: caller?.kind }
  }
}

@Module({ controllers: [Books] })
class App implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(guard.require('person')).forRoutes(Books)
  }
}

async function main(): Promise<void> {
  const town = await createTown()
  guard = aauth({
    resource: 'https://books.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'books.read': 'Read' },
    fetch: town.fetch,
    clock: town.clock,
  })
  const app = await NestFactory.create<NestExpressApplication>(App, { logger: ['error'], bodyParser: false })
  app.use(guard.endpoints())
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  town.route('books.example', port)
  strictEqual((await fetch(`http://127.0.0.1:${port}/books`)).status, 401)
  const sam = town.agent('sam', { person: town.person('mom') })
  const answer = await sam.fetch('https://books.example/books')
  strictEqual(answer.status, 200)
  strictEqual(((await answer.json()) as { reader: string }).reader, 'person')
  await app.close()
  await town.close()
  console.log('served')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
