import { createApp } from './app.js'

async function main(): Promise<void> {
  const app = await createApp()
  app.enableShutdownHooks()
  await app.listen(Number(process.env.PORT ?? 3000))
  console.log(`${await app.getUrl()}/notes`)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
