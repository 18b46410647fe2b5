import 'reflect-metadata'
import type { ExpressGuard, ExpressOptions } from '@countersign/express'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { AAUTH } from './aauth.module.js'
import { AppModule } from './app.module.js'

export async function createApp(options?: Partial<ExpressOptions>): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(options), {
    // Nest parses bodies before the guard sees them; with this it keeps the bytes, which are what was signed.
    rawBody: true,
    logger: ['warn', 'error'],
  })
  const guard = app.get<ExpressGuard>(AAUTH)
  // What agents and their servers look for stands at the root of the origin, whatever `setGlobalPrefix` says.
  app.use(guard.endpoints())
  return app
}
