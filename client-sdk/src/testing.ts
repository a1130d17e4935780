// The parts of a client, for tests that assemble them. Not part of the published package.
export type { StudentContext } from "./students/student-context.ts";
export type { Problem } from "./runtime/problem.ts";
export { createHttpCaller } from "./rpc/http-caller.ts";
export type { ChatView, Message, Room, RoomView } from "./chat/api.ts";
export { createChat, type ChatService } from "./chat/chat.ts";
export { createFavourites, type FavouritesService } from "./favourites/favourites.ts";
export { createNewId, systemRandomBytes, type RandomBytes } from "./runtime/ids.ts";
export { createSubject } from "./runtime/observable.ts";
export { createOutbox, type Outbox } from "./outbox/outbox.ts";
export { createSend } from "./outbox/send.ts";
export { createSettings, type SettingsService } from "./settings/settings.ts";
export { createMemoryStorage, type MemoryStorage } from "./storage/memory.ts";
export { createRecords, putBytes, putJson, remove, type Records } from "./storage/records.ts";
export { StorageError } from "./storage/storage.ts";
export { createDoc } from "./sync/create-doc.ts";
export { createSockets, type ConnectionState, type Sockets } from "./sync/sockets.ts";
export { createUserDocument, type UserDocument } from "./sync/user-document.ts";
