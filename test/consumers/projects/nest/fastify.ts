// The same on Fastify: the plugin guards, routes say what they require by Nest's own decorator.
import 'reflect-metadata'
import { deepStrictEqual, strictEqual } from 'node:assert'
import type { AddressInfo } from 'node:net'
import { createKey, createTown } from '@countersign/devkit'
import { type AAuthRequest, aauth, type FastifyOptions, type Grant, type Person } from '@countersign/fastify'
import { Body, Controller, Get, Module, Param, Post, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify'

@Controller('books')
class Books {
  @Get()
  @RouteConfig({ aauth: 'person' })
  read(@Req() request: AAuthRequest<Person | Grant>): { reader: string } {
    return { reader: request.aauth.kind }
  }

  @Post(':id')
  @RouteConfig({ aauth: { scope: 'books.write' } })
  write(@Req() request: AAuthRequest<Grant>, @Param('id') id: string, @Body() book: object): object {
    return { id, written: book, scope: request.aauth.scope }
  }

  @Get('open')
  @RouteConfig({ aauth: false })
  open(): object {
    return {}
  }
}

@Module({ controllers: [Books] })
class App {}

async function main(): Promise<void> {
  const town = await createTown()
  const app = await NestFactory.create<NestFastifyApplication>(App, new FastifyAdapter(), {
    logger: ['error'],
  })
  app.setGlobalPrefix('api')
  // Before `listen` or `init`, which is when Nest declares the routes.
  const options: FastifyOptions = {
    resource: 'https://books.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'books.write': 'Write' },
    fetch: town.fetch,
    clock: town.clock,
    secureByDefault: true,
  }
  // Nest brings a Fastify of its own, of another version than the one that is installed, and with other types.
  await app.register(aauth as never, options as never)
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  town.route('books.example', port)
  const url = `http://127.0.0.1:${port}`
  strictEqual((await fetch(`${url}/api/books`)).status, 401)
  strictEqual((await fetch(`${url}/api/books/open`)).status, 200)
  // Our own endpoints stand at the root, whatever the prefix.
  strictEqual((await fetch(`${url}/.well-known/aauth-resource.json`)).status, 200)
  const sam = town.agent('sam', { person: town.person('mom', { consent: () => true }) })
  const read = await sam.fetch('https://books.example/api/books')
  strictEqual(read.status, 200)
  strictEqual(((await read.json()) as { reader: string }).reader, 'person')
  const written = await sam.fetch('https://books.example/api/books/7', {
    method: 'POST',
    headers: [['Content-Type', 'application/json']],
    body: '{ "title": "Emma" }',
  })
  strictEqual(written.status, 201)
  deepStrictEqual(await written.json(), { id: '7', written: { title: 'Emma' }, scope: ['books.write'] })
  await app.close()
  await town.close()
  console.log('served')
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
