/** What these formats are made of. */
const words = [
  'sig=',
  'jwt=',
  ';',
  ',',
  '"',
  '\\',
  '(',
  ')',
  ':',
  '=',
  '?1',
  '?0',
  '-0',
  '1.0',
  '999999999999999',
  ';created=',
  ';expires=',
  ';keyid=',
  ';alg=',
  ';nonce=',
  ';tag=',
  ';sf',
  ';bs',
  ';key=',
  ';req',
  ';tr',
  '"@method"',
  '"@authority"',
  '"@path"',
  '"@query"',
  '"@query-param";name="x"',
  '"@target-uri"',
  '"@request-target"',
  '"signature-key"',
  '"content-digest"',
  'hwk',
  'jwks_uri',
  'x509',
  'sig2=',
  ':AA==:',
  '\r\n',
  '\n',
  '\t',
  '\0',
  '\u00ff',
  '%20',
  '..',
  '//',
  '{',
  '}',
  '[',
  ']',
  'null',
  'true',
  '1e999',
  '"kid"',
  '"kty"',
  '"__proto__"',
  '"keys"',
  '"alg"',
  'Signature: ',
  'Signature-Input: ',
  'Signature-Key: ',
  'Host: ',
  'Authorization: AAuth ',
  'Content-Length: 1',
  'Transfer-Encoding: chunked',
  'eyJ',
  '.',
  '--data',
  " -H '",
  '$(x)',
  '\ufeff',
].map((word) => Buffer.from(word, 'latin1'))

const longest = 16_384

/** Another input, made of one and parts of another. */
export function mutate(input: Buffer, other: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(input)
  const below = (limit: number): number => Math.floor(random() * limit)
  const replace = (at: number, length: number, by: Uint8Array): void => {
    bytes = Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)])
  }
  for (let edits = 1 + below(4); edits > 0; edits--) {
    const at = below(bytes.length + 1)
    const length = Math.min(bytes.length - at, 1 + below(random() < 0.8 ? 8 : 200))
    switch (below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << below(8))
        break
      case 1:
        if (at < bytes.length) bytes[at] = below(256)
        break
      case 2:
        replace(at, length, Buffer.alloc(0))
        break
      case 3:
        replace(at, 0, words[below(words.length)] as Buffer)
        break
      case 4:
        replace(at, length, words[below(words.length)] as Buffer)
        break
      case 5:
        replace(at, 0, bytes.subarray(at, at + length))
        break
      case 6: {
        const from = below(other.length + 1)
        replace(at, length, other.subarray(from, from + 1 + below(80)))
        break
      }
      default: {
        const from = below(bytes.length + 1)
        replace(at, 0, bytes.subarray(from, from + length))
      }
    }
  }
  return bytes.subarray(0, longest)
}
