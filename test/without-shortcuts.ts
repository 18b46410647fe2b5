// Servers created after this recognise nothing and remember no token: every field is parsed, every token verified. What
// they answer has to be the same.
Object.defineProperty(globalThis, Symbol.for('countersign.shortcuts'), { value: false })
