import { MalformedBytes, type ByteReader } from "./byte-reader.ts";

/** Characters (UTF-16 code units) of an entry's key. */
const MAX_KEY_CHARACTERS = 128;
/** Bytes of an entry's value, encoded. */
const MAX_VALUE_BYTES = 2 * 1024;
const MAX_NESTING = 32;
/** What one UTF-16 code unit takes in UTF-8, at the most. */
const UTF8_BYTES_PER_CHARACTER = 3;

/** Read by Yjs into plain objects, these would become a prototype or shadow what every object has. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** First bytes of lib0's `any` encoding. Undefined (127), bigint (122) and bytes (116) are no JSON. */
const ANY = {
  null: 126,
  integer: 125,
  float32: 124,
  float64: 123,
  false: 121,
  true: 120,
  text: 119,
  object: 118,
  array: 117,
} as const;

/** Reads past one `{key, val}` of a `YKeyValue`. Throws `MalformedBytes` for anything else. */
export const skipEntry = (reader: ByteReader): void => {
  if (reader.byte() !== ANY.object || reader.uint31() !== 2) throw new MalformedBytes("not a {key, val}");
  const fields = new Set<string>();
  for (let field = 0; field < 2; field += 1) {
    const name = reader.text(MAX_VALUE_BYTES);
    if (name === "key") skipKey(reader);
    else if (name === "val") skipValue(reader);
    else throw new MalformedBytes("not a {key, val}");
    fields.add(name);
  }
  if (fields.size !== 2) throw new MalformedBytes("not a {key, val}");
};

/** The least that `{key: "", val: null}` takes. */
export const LEAST_ENTRY_BYTES = 13;

const skipKey = (reader: ByteReader): void => {
  if (reader.byte() !== ANY.text) throw new MalformedBytes("a key that is no text");
  const key = reader.text(MAX_KEY_CHARACTERS * UTF8_BYTES_PER_CHARACTER);
  if (key.length > MAX_KEY_CHARACTERS) throw new MalformedBytes("a key that is too long");
};

const skipValue = (reader: ByteReader): void => {
  const start = reader.position;
  skipJson(reader, 1);
  if (reader.position - start > MAX_VALUE_BYTES) throw new MalformedBytes("a value that is too large");
};

const skipJson = (reader: ByteReader, depth: number): void => {
  if (depth > MAX_NESTING) throw new MalformedBytes("a value that is nested too deep");
  switch (reader.byte()) {
    case ANY.null:
    case ANY.true:
    case ANY.false:
      return;
    case ANY.integer:
      reader.skipInt();
      return;
    case ANY.float32:
      expectFinite(reader.float32());
      return;
    case ANY.float64:
      expectFinite(reader.float64());
      return;
    case ANY.text:
      reader.skipText(MAX_VALUE_BYTES);
      return;
    case ANY.array:
      for (let left = reader.count(1); left > 0; left -= 1) skipJson(reader, depth + 1);
      return;
    case ANY.object:
      for (let left = reader.count(2); left > 0; left -= 1) {
        if (FORBIDDEN_KEYS.has(reader.text(MAX_VALUE_BYTES))) throw new MalformedBytes("a forbidden name");
        skipJson(reader, depth + 1);
      }
      return;
    default:
      throw new MalformedBytes("a value that is no JSON");
  }
};

const expectFinite = (value: number): void => {
  if (!Number.isFinite(value)) throw new MalformedBytes("a number that is no JSON");
};
