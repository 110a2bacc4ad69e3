/** Bytes as text, one character a byte, so that nothing is lost whatever they are. Short ones only. */
export function latin1(bytes: Uint8Array): string {
  // Spreading the bytes instead costs ten times as much.
  return Reflect.apply(String.fromCharCode, null, bytes);
}

/**
 * The same text, apart from what it was cut out of: V8 makes a part of a string a view of the whole,
 * which then stays in memory for as long as the part does. Characters are bytes, as of {@link latin1}.
 */
export function detached(text: string): string {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return latin1(bytes);
}
