// All that is used of `jose`: what is published carries no more of it.
export { CompactEncrypt, compactDecrypt, errors } from 'jose'
