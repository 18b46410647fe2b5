exports.core = require('@countersign/core')
exports.express = require('@countersign/express')
exports.fastify = require('@countersign/fastify')
