/**
 * Removes everything from Yjs that documents here do not use, a quarter of it. No bundler detects that it is unused. Plain
 * values in arrays remain, and updates in the first format only. The server neither accepts nor sends anything else. Any other
 * content throws, as damaged content does. If a new version of Yjs is written differently, the build fails here.
 */
export const trimYjs = (code) =>
  cut(code, [
    // Texts, maps and XML: the types and their content.
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
    // The details of a change in an event: nobody reads them, only the new state is read.
    [
      /(?<=^class YEvent \{).*?^\}/ms,
      "constructor (target, transaction) { this.target = this.currentTarget = target; this.transaction = transaction; } }",
    ],
    // Subdocuments, and promises of a provider: other code here knows what to wait for.
    [/ {4}this\.whenLoaded = .*?provideSyncedPromise\(\);\n(?= {2}\})/s, ""],
    [/ {2}load \(\) \{.*?(?= {2}\/\*\*\n {3}\* Changes that happen inside of a transaction)/s, ""],
    [/ {4}array\.from\(this\.subdocs\)\.forEach.*?(?= {4}\/\/ @ts-ignore\n {4}this\.emit\('destroyed')/s, ""],
    [/ {6}if \(doc\._observers\.has\('updateV2'\)\).*?(?=\n {6}if \(transactionCleanups\.length)/s, ""],
    // The second format: Yjs stores updates in it while an earlier update is missing. Here it stores them in the first format.
    [/^class (DSDecoder|UpdateDecoder|DSEncoder|UpdateEncoder)V2 .*?^\}/gms, "const $1V2 = $1V1;"],
    [/(?<=const convertUpdateFormatV2ToV1 = update => ).*/, "update;"],
  ]);

/**
 * Removes what the provider is always configured not to do: messages to other tabs, parameters in the URL, and reconnections of its
 * own. Messages about authorization are ignored; the server sends none.
 */
export const trimProvider = (code) =>
  cut(code, [
    [/(?<= {4}this\._bcSubscriber = ).*?(?=\n {4}\/\*\*)/s, "undefined"],
    [/(?<= {2}connectBc \(\) \{).*?(?=\n {2}\}\n)/s, ""],
    [/ {4}if \(this\.bcconnected\) \{.*?\n {4}\}\n(?= {2}\}\n\n {2}disconnect)/s, ""],
    [/ {4}if \(resyncInterval > 0\) \{.*?\n {4}\}\n/s, ""],
    [/(?<= {2}get url \(\) \{\n).*?(?=\n {2}\}\n)/s, "return this.serverUrl + '/' + this.roomname"],
    [/(?<=messageHandlers\[messageAuth\] = ).*?\n\}\n/s, "() => {}\n"],
    [/ {4}let terminalClose = null\n.*?(?=\n {2}\}\n\})/s, ""],
  ]);

const cut = (code, cuts) =>
  cuts.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) < 0) throw new Error(`The source has changed: nothing matches ${pattern}`);
    return text.replace(pattern, replacement);
  }, code);
