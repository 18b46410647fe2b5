import type { Grant } from '@countersign/express'
import { Body, Controller, Get, Post } from '@nestjs/common'
import { Caller } from './aauth.module.js'

@Controller('notes')
export class NotesController {
  @Get()
  read(@Caller() { person }: Grant): object {
    return { notesOf: person }
  }

  @Post()
  write(@Caller() { person }: Grant, @Body() note: object): object {
    return { written: note, by: person }
  }
}
