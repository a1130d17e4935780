import { ENTRY_LIMITS, FORBIDDEN_NAMES } from "@edvoyage/protocol";
import { MalformedBytes, type ByteReader } from "./byte-reader.ts";

/** The most bytes that one UTF-16 code unit takes in UTF-8. */
const UTF8_BYTES_PER_CHARACTER = 3;

/** First bytes of lib0's `any` encoding. Undefined (127), bigint (122) and bytes (116) are missing: they are not JSON. */
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

/** Checks and skips one `{key, val}` of a `YKeyValue`. Throws `MalformedBytes` for anything else. */
export const skipEntry = (reader: ByteReader): void => {
  if (reader.byte() !== ANY.object || reader.uint31() !== 2) throw new MalformedBytes("not a {key, val}");
  const fields = new Set<string>();
  for (let field = 0; field < 2; field += 1) {
    const name = reader.text(ENTRY_LIMITS.valueBytes);
    if (name === "key") skipKey(reader);
    else if (name === "val") skipValue(reader);
    else throw new MalformedBytes("not a {key, val}");
    fields.add(name);
  }
  if (fields.size !== 2) throw new MalformedBytes("not a {key, val}");
};

/** The encoded size of `{key: "", val: null}`, the smallest entry. */
export const MIN_ENTRY_BYTES = 13;

const skipKey = (reader: ByteReader): void => {
  if (reader.byte() !== ANY.text) throw new MalformedBytes("a key that is not a text");
  const key = reader.text(ENTRY_LIMITS.keyCharacters * UTF8_BYTES_PER_CHARACTER);
  if (key.length > ENTRY_LIMITS.keyCharacters) throw new MalformedBytes("a key that is too long");
};

const skipValue = (reader: ByteReader): void => {
  const start = reader.position;
  skipJson(reader, 1);
  if (reader.position - start > ENTRY_LIMITS.valueBytes)
    throw new MalformedBytes("a value that is too large");
};

const skipJson = (reader: ByteReader, depth: number): void => {
  if (depth > ENTRY_LIMITS.nesting) throw new MalformedBytes("a value that is nested too deeply");
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
      reader.skipText(ENTRY_LIMITS.valueBytes);
      return;
    case ANY.array:
      for (let left = reader.count(1); left > 0; left -= 1) skipJson(reader, depth + 1);
      return;
    case ANY.object:
      for (let left = reader.count(2); left > 0; left -= 1) {
        if (FORBIDDEN_NAMES.has(reader.text(ENTRY_LIMITS.valueBytes)))
          throw new MalformedBytes("a forbidden name");
        skipJson(reader, depth + 1);
      }
      return;
    default:
      throw new MalformedBytes("a value that is not JSON");
  }
};

const expectFinite = (value: number): void => {
  if (!Number.isFinite(value)) throw new MalformedBytes("a number that is not finite");
};
