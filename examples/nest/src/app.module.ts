import type { ExpressGuard, ExpressOptions } from '@countersign/express'
import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  RequestMethod,
} from '@nestjs/common'
import { AAUTH, AAuthModule } from './aauth.module.js'
import { NotesController } from './notes.controller.js'

@Module({})
export class AppModule implements NestModule {
  static forRoot(options?: Partial<ExpressOptions>): DynamicModule {
    return { module: AppModule, imports: [AAuthModule.forRoot(options)], controllers: [NotesController] }
  }

  constructor(@Inject(AAUTH) private readonly guard: ExpressGuard) {}

  // Every route of the controller needs a grant to read; whoever writes needs another one as well.
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply(this.guard.require({ scope: 'notes.read' }))
      .forRoutes({ path: 'notes', method: RequestMethod.GET })
      .apply(this.guard.require({ scope: 'notes.write', effect: 'write' }))
      .forRoutes({ path: 'notes', method: RequestMethod.POST })
  }
}
