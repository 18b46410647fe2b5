import { createApp } from './app.ts'

const app = await createApp()
console.log(`${await app.listen({ port: Number(process.env.PORT ?? 3000) })}/notes`)
