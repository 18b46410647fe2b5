import { type Caller as AnyCaller, aauth, type ExpressGuard, type ExpressOptions } from '@countersign/express'
import {
  createParamDecorator,
  type DynamicModule,
  type ExecutionContext,
  InternalServerErrorException,
  Module,
} from '@nestjs/common'
import type { Request } from 'express'

/** The guard, for `@Inject(AAUTH)`. */
export const AAUTH = Symbol('AAUTH')

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a module of Nest is a class
export class AAuthModule {
  /** `options` are more options of `aauth`; the test says there how the town is reached. */
  static forRoot(options: Partial<ExpressOptions> = {}): DynamicModule {
    const useFactory = (): ExpressGuard =>
      aauth({
        resource: 'https://notes.example',
        scopes: { 'notes.read': 'Read your notes', 'notes.write': 'Change your notes' },
        ...options,
      })
    return { module: AAuthModule, providers: [{ provide: AAUTH, useFactory }], exports: [AAUTH] }
  }
}

/** Who calls. A handler that asks for it is never run for a request that no guard let through. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): AnyCaller => {
  const { aauth: caller } = context.switchToHttp().getRequest<Request>()
  if (caller === undefined) throw new InternalServerErrorException('no guard stands before this route')
  return caller
})
