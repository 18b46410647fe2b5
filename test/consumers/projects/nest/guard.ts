// A guard of Nest's own kind on Express: routes say what they require by a decorator.
import 'reflect-metadata'
import { deepStrictEqual, strictEqual } from 'node:assert'
import type { AddressInfo } from 'node:net'
import { createKey, createTown } from '@countersign/devkit'
import {
  AAuthError,
  type AAuthRequest,
  aauth,
  type ExpressGuard,
  type Grant,
  type Person,
  type Requirement,
} from '@countersign/express'
import {
  type ArgumentsHost,
  Body,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  Post,
  Req,
  SetMetadata,
} from '@nestjs/common'
import { APP_FILTER, APP_GUARD, NestFactory, Reflector } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Request, Response } from 'express'

const GUARD = Symbol('the guard of Countersign')

/** What a controller or route requires; of both, what the route says. */
const AAuth = (requirement: Requirement): MethodDecorator & ClassDecorator =>
  SetMetadata('aauth', requirement)

@Injectable()
class AAuthGuard implements CanActivate {
  private readonly middlewares = new Map<Requirement, ReturnType<ExpressGuard['require']>>()

  constructor(
    @Inject(GUARD) private readonly guard: ExpressGuard,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement = this.reflector.getAllAndOverride<Requirement | undefined>('aauth', [
      context.getHandler(),
      context.getClass(),
    ])
    if (requirement === undefined) return true
    const middleware = this.middlewares.get(requirement) ?? this.guard.require(requirement)
    this.middlewares.set(requirement, middleware)
    const http = context.switchToHttp()
    const response = http.getResponse<Response>()
    return await new Promise((resolve, reject) => {
      // A call that waits is answered `202` by the guard itself: the handler must not run.
      response.once('close', () => resolve(false))
      middleware(http.getRequest<Request>(), response, (error?: unknown) => {
        if (error === undefined) resolve(true)
        else reject(error)
      })
    })
  }
}

/** Sends what the guard refuses with: Nest knows nothing of its headers. */
@Catch(AAuthError)
class AAuthFilter implements ExceptionFilter<AAuthError> {
  catch(error: AAuthError, host: ArgumentsHost): void {
    host
      .switchToHttp()
      .getResponse<Response>()
      .status(error.status)
      .set(error.headers)
      .json({ error: error.code })
  }
}

@Controller('books')
@AAuth('person')
class Books {
  @Get()
  read(@Req() request: AAuthRequest<Person | Grant>): { reader: string } {
    return { reader: request.aauth.kind }
  }

  @Post(':id')
  @AAuth({ scope: 'books.write' })
  write(@Req() request: AAuthRequest<Grant>, @Param('id') id: string, @Body() book: object): object {
    return { id, written: book, scope: request.aauth.scope }
  }
}

async function main(): Promise<void> {
  const town = await createTown()
  const guard = aauth({
    resource: 'https://books.example',
    signingKeys: [createKey().privateJwk],
    scopes: { 'books.write': 'Write' },
    fetch: town.fetch,
    clock: town.clock,
    onError: 'next',
  })

  @Module({
    controllers: [Books],
    providers: [
      { provide: GUARD, useValue: guard },
      { provide: APP_GUARD, useClass: AAuthGuard },
      { provide: APP_FILTER, useClass: AAuthFilter },
    ],
  })
  class App {}

  const app = await NestFactory.create<NestExpressApplication>(App, { logger: ['error'], rawBody: true })
  app.setGlobalPrefix('api')
  app.use(guard.endpoints())
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  town.route('books.example', port)
  const refused = await fetch(`http://127.0.0.1:${port}/api/books`)
  strictEqual(refused.status, 401)
  strictEqual(refused.headers.has('aauth-requirement'), true)
  strictEqual((await fetch(`http://127.0.0.1:${port}/.well-known/aauth-resource.json`)).status, 200)
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
