/**
 * Yjs with what documents are made of here and nothing else, a quarter of it that no bundler finds out to be unused: plain
 * values in arrays, and updates in the first format alone. The server neither takes nor sends anything else, and what does not fit
 * throws as what is damaged does. A new version of Yjs that is written otherwise fails here.
 */
export const trimYjs = (code) =>
  cut(code, [
    // Texts, maps, XML: their types, and what they are made of.
    [
      / {2}getText \(name = ''\) \{.*?(?= {2}\/\*\*\n {3}\* Converts the entire document into a js object)/s,
      "",
    ],
    [
      /const contentRefs = \[.*?readContentDeleted, \/\/ 1\n.*?readContentAny, \/\/ 8\n.*?\n\];/s,
      `const contentRefs = Array.from({ length: 11 }, () => () => { error.unexpectedCase(); });
      contentRefs[1] = readContentDeleted;
      contentRefs[8] = readContentAny;`,
    ],
    [
      / {10}packJsonContent\(\);\n {10}switch \(c\.constructor\) \{.*?\n {10}\}\n/s,
      "error.unexpectedCase();",
    ],
    [/^const cleanupYTextAfterTransaction = .*?^};/gms, "const cleanupYTextAfterTransaction = () => {};"],
    // What an event tells of its change: nobody asks, the new state is read.
    [
      /(?<=^class YEvent \{).*?^\}/ms,
      "constructor (target, transaction) { this.target = this.currentTarget = target; this.transaction = transaction; } }",
    ],
    // Documents in documents, and promises of a provider that is told what to wait for by others.
    [/ {4}this\.whenLoaded = .*?provideSyncedPromise\(\);\n(?= {2}\})/s, ""],
    [/ {2}load \(\) \{.*?(?= {2}\/\*\*\n {3}\* Changes that happen inside of a transaction)/s, ""],
    [/ {4}array\.from\(this\.subdocs\)\.forEach.*?(?= {4}\/\/ @ts-ignore\n {4}this\.emit\('destroyed')/s, ""],
    [/ {6}if \(doc\._observers\.has\('updateV2'\)\).*?(?=\n {6}if \(transactionCleanups\.length)/s, ""],
    // The second format: Yjs keeps in it what waits for an update that is missing; here it keeps that in the first.
    [/^class (DSDecoder|UpdateDecoder|DSEncoder|UpdateEncoder)V2 .*?^\}/gms, "const $1V2 = $1V1;"],
    [/(?<=const convertUpdateFormatV2ToV1 = update => ).*/, "update;"],
  ]);

/** Its provider without what it would say to other tabs, which it is always told not to. */
export const trimProvider = (code) =>
  cut(code, [
    [/(?<= {4}this\._bcSubscriber = ).*?(?=\n {4}\/\*\*)/s, "undefined"],
    [/(?<= {2}connectBc \(\) \{).*?(?=\n {2}\}\n)/s, ""],
    [/ {4}if \(this\.bcconnected\) \{.*?\n {4}\}\n(?= {2}\}\n\n {2}disconnect)/s, ""],
  ]);

const cut = (code, cuts) =>
  cuts.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) < 0) throw new Error(`There is nothing like ${pattern}`);
    return text.replace(pattern, replacement);
  }, code);
