// Everything that is used of `jose`; the published package contains no more of it.
export { CompactEncrypt, compactDecrypt, errors } from 'jose'
