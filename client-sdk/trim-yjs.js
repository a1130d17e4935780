/**
 * Removes everything from Yjs that documents here do not use, a third of it. No bundler detects that it is unused. Plain
 * values in arrays remain, with `push` and `delete`, and updates in the first format only. The server neither accepts nor sends anything else. Any other
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
    // Events of a transaction, and observers of one type: the code here listens to a document's updates and reads which types a transaction has changed.
    [/ {6}const fs = \[\];\n.*?callAll\(fs, \[\]\);\n/s, ""],
    [/^ +doc\.emit\('(?:before|after).*;\n/gm, ""],
    [/ {4}this\.changedParentTypes = new Map\(\);\n/, ""],
    [
      /(?<=^class AbstractType )\{.*?^\}/ms,
      `{
        constructor () {
          this._item = null;
          this._map = new Map();
          this._start = null;
          this.doc = null;
          this._length = 0;
        }

        _integrate (y, item) {
          this.doc = y;
          this._item = item;
        }
      }`,
    ],
    // Arrays outside of a document, and calls that nothing here makes. `Doc.get` makes each array inside its document.
    [
      /(?<=^class YArray extends AbstractType )\{.*?^\}/ms,
      `{
        push (content) {
          transact(this.doc, (transaction) => typeListPushGenerics(transaction, this, content));
        }

        delete (index, length = 1) {
          transact(this.doc, (transaction) => typeListDelete(transaction, this, index, length));
        }

        toArray () {
          return typeListToArray(this)
        }

        [Symbol.iterator] () {
          return this.toArray()[Symbol.iterator]()
        }
      }`,
    ],
    [/ {2}toJSON \(\) \{\n {4}\/\*\*.*?\n {2}\}\n/s, ""],
    // Markers that make changes in the middle of a long array faster: entries and segments are short.
    [/^const findMarker = .*?^\};/ms, "const findMarker = undefined;"],
    [/^ {2}const marker = findMarker\(parent, index\);\n/gm, ""],
    [/^ {2}if \(marker !== null\) \{\n {4}n = marker\.p;.*?^ {2}\}\n/gms, ""],
    [/^ {2}const marker = \(parent\._searchMarker \|\| \[\]\)\.reduce.*?\n/m, ""],
    [/let n = marker\.p;/, "let n = parent._start;"],
    [/^ {2}const start(?:Index|Length) = (?:index|length);\n/gm, ""],
    [/^ {2,4}if \(parent\._searchMarker\) \{\n.*?\n {2,4}\}\n/gm, ""],
    [/^ {6}const searchMarker = .*?\._searchMarker;\n {6}if \(searchMarker\) \{.*?^ {6}\}\n/ms, ""],
    // Warnings: about an array outside of a document, about a client id that two devices have drawn (Yjs draws another one), and
    // about a second copy of Yjs. An app's own copy never meets this one.
    [/^ +logging\.print\(logging\.ORANGE.*\n/m, ""],
    [/(?<=^const warnPrematureAccess = \(\) => )\{.*\};/m, "{};"],
    [/^const glo = .*?^glo\[importIdentifier\] = true;\n/ms, ""],
    // Flags of items: for markers, and for undoing.
    [/^ {2}(?:set|get) (?:marker|keep) \(\w*\) \{.*?^ {2}\}\n/gms, ""],
    // Checks of a development build, which an SDK never is.
    [/^ {4}isDevMode && object\.deepFreeze\(arr\);\n/m, ""],
    // Snapshots: the module would create an empty one.
    [/^const emptySnapshot = .*?;$/m, "const emptySnapshot = undefined;"],
    // Subdocuments, and promises of a provider: other code here knows what to wait for.
    [/ {4}this\.whenLoaded = .*?provideSyncedPromise\(\);\n(?= {2}\})/s, ""],
    [/ {2}load \(\) \{.*?(?= {2}\/\*\*\n {3}\* Changes that happen inside of a transaction)/s, ""],
    [/ {4}array\.from\(this\.subdocs\)\.forEach.*?(?= {4}\/\/ @ts-ignore\n {4}this\.emit\('destroyed')/s, ""],
    [/ {6}if \(doc\._observers\.has\('updateV2'\)\).*?(?=\n {6}if \(transactionCleanups\.length)/s, ""],
    [/^ {4}this\.subdocs(?:Added|Removed|Loaded)? = new Set\(\);\n/gm, ""],
    [/^ {4}this\.(?:collectionid|shouldLoad|autoLoad|meta|isLoaded|isSynced) = .*?;\n/gm, ""],
    [/guid = random\.uuidv4\(\)/, "guid = ''"],
    [/collectionid = null, (.*), meta = null, autoLoad = false, shouldLoad = true/, "$1"],
    // The parts of an update that only the other kinds of content have, and copies of content.
    [/^ {2}(?:read|write)(?:TypeRef|Buf|JSON|Key) \(\w*\) \{.*?^ {2}\}\n/gms, ""],
    [/^(class Content(?:Deleted|Any) \{.*?)^ {2}copy \(\) \{.*?^ {2}\}\n/gms, "$1"],
    // The second format: Yjs stores updates in it while an earlier update is missing. Here it stores them in the first format.
    [/^class (DSDecoder|UpdateDecoder|DSEncoder|UpdateEncoder)V2 .*?^\}/gms, "const $1V2 = $1V1;"],
    [
      /^ {4}if \(encoder\.constructor === UpdateEncoderV1\) \{\n.*?^ {4}\}\n/ms,
      "return mergeUpdatesV2(updates)\n",
    ],
    [/^ +\w+\.resetDsCurVal\(\);\n/gm, ""],
    [/^ {2}resetDsCurVal \(\) \{.*?^ {2}\}\n/gms, ""],
  ]);

/**
 * Removes what the provider is always configured not to do: messages to other tabs, parameters in the URL, and reconnections of its
 * own. Messages about authorization are ignored; the server sends none.
 */
export const trimProvider = (code) =>
  cut(code, [
    [/ {4}this\._bcSubscriber = .*?(?=\n {4}\/\*\*)/s, ""],
    [/ {2}connectBc \(\) \{.*?\n {2}\}\n/s, ""],
    [/ {6}this\.connectBc\(\)\n/, ""],
    [/ {4}if \(this\.bcconnected\) \{.*?\n {4}\}\n(?= {2}\}\n\n {2}disconnect)/s, ""],
    [/ {2}if \(provider\.bcconnected\) \{.*?\n {2}\}\n/s, ""],
    [/ {4}this\._resyncInterval = 0\n {4}if \(resyncInterval > 0\) \{.*?\n {4}\}\n/s, ""],
    [/ {4}if \(this\._resyncInterval !== 0\) \{.*?\n {4}\}\n/s, ""],
    [/ {4}this\._exitHandler = .*?\n {4}\}\n.*?\n {4}\}\n/s, ""],
    [/ {4}if \(env\.isNode && .*?\n {4}\}\n/s, ""],
    [/ {4}while \(serverUrl.*?\n {4}\}\n/s, ""],
    [/ {4}this\.(?:bcChannel|maxBackoffTime|shouldReconnect|params|bcconnected|disableBc) = .*\n/g, ""],
    [
      / {4}(?:connect = true|params = \{\}|resyncInterval = -1|maxBackoffTime = 2500|protocols = \[\]|disableBc = false),\n/g,
      "",
    ],
    [/,\n {4}shouldReconnect = defaultShouldReconnect/, ""],
    [/ +(?:provider|this)\.emit\('(?:connection-error|synced)', .*\n/g, ""],
    [/ +provider\.emit\('status', \[\{\n *status: '(?:disconnected|connecting)'\n *\}\]\)\n/g, ""],
    [/(?<= {4}this\.shouldConnect = )connect/, "false"],
    [/ {4}if \(connect\) \{.*?\n {4}\}\n/s, ""],
    [/(?<= {4}this\.protocols = )protocols/, "[]"],
    [/ {6}if \(state\) \{\n.*?\n {6}\}\n/s, ""],
    [/ {4}(?:provider\.wsUnsuccessfulReconnects\+\+|this\.wsUnsuccessfulReconnects = 0)\n/g, ""],
    [/(?<= {2}get url \(\) \{\n).*?(?=\n {2}\}\n)/s, "return this.serverUrl + '/' + this.roomname"],
    // The server never asks for awareness.
    [/^messageHandlers\[messageQueryAwareness\] = .*?\n\}\n/ms, ""],
    [/(?<=messageHandlers\[messageAuth\] = ).*?\n\}\n/s, "() => {}\n"],
    [/ {4}let terminalClose = null\n.*?(?=\n {2}\}\n\})/s, ""],
  ]);

/** Gives awareness the same class for events as documents have, and removes what nothing here calls. */
export const trimAwareness = (code) =>
  cut(code, [
    [/\{ Observable \}/, "{ ObservableV2 as Observable }"],
    [/^ {2}setLocalStateField .*?^ {2}\}\n/ms, ""],
    // States are JSON.
    [/f\.equalityDeep/g, "isSameJson"],
    [/$/, "\nfunction isSameJson(one, other) { return JSON.stringify(one) === JSON.stringify(other); }"],
  ]);

/** Removes from lib0's encoding what serves platforms without `TextEncoder` and `TextDecoder`: the SDK needs both anyway. */
export const trimEncoding = (code) =>
  cut(code, [
    [
      /(?<=export const writeVarString = ).*/,
      "(encoder, text) => writeVarUint8Array(encoder, string.encodeUtf8(text))",
    ],
  ]);

/** Does the same for lib0's decoding. */
export const trimDecoding = (code) =>
  cut(code, [
    [/(?<=export const readVarString = ).*/, "(decoder) => string.decodeUtf8(readVarUint8Array(decoder))"],
  ]);

const cut = (code, cuts) =>
  cuts.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) < 0) throw new Error(`The source has changed: nothing matches ${pattern}`);
    return text.replace(pattern, replacement);
  }, code);
